/** A release has one version, wherever it is written. The image's label is compared by the rules of the Dockerfile. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../../services/runtime/package-root.ts";

const read = (path: string) => readFileSync(join(packageRoot(), path), "utf8");
const { version } = JSON.parse(read("package.json")) as { readonly version: string };

interface Texts {
  readonly changes: string;
  readonly lock: string;
  readonly composition: string;
}

const TEXTS: Texts = {
  changes: read("infra/release/CHANGELOG.md"),
  lock: read("package-lock.json"),
  composition: read("infra/compose/three-regions.yaml"),
};

/** Undefined where there is none. */
function versionsIn({ changes, lock, composition }: Texts): Readonly<Record<string, string | undefined>> {
  const locked = JSON.parse(lock) as {
    readonly version: string;
    readonly packages: Readonly<Record<string, { readonly version: string }>>;
  };
  return {
    "the first heading of CHANGELOG.md": /^## (\S+)$/m.exec(changes)?.[1],
    "package-lock.json": locked.version,
    "package-lock.json's own package": locked.packages[""]?.version,
    "the composition's image": /^\s+image: \$\{FOREBAY_IMAGE:-forebay:(\S+)\}$/m.exec(composition)?.[1],
    "the composition's instructions": /^# .*-t forebay:(\S+) /m.exec(composition)?.[1],
  };
}

const others = (texts: Texts) =>
  Object.entries(versionsIn(texts)).flatMap(([where, found]) => (found === version ? [] : [where]));

it("is the same everywhere", () => {
  expect(others(TEXTS)).toEqual([]);
});

it("is found where another one is planted", () => {
  const change = (text: string) => text.replaceAll(version, "9.9.9");
  const { changes, lock, composition } = TEXTS;
  expect(others({ changes: change(changes), lock, composition })).toHaveLength(1);
  expect(others({ changes, lock: change(lock), composition })).toHaveLength(2);
  expect(others({ changes, lock, composition: change(composition) })).toHaveLength(2);
  expect(others({ changes: "## 0.1.0\n", lock, composition: "" })).toHaveLength(3);
});
