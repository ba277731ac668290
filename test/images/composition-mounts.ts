/** What containers of the composition find where, of what was prepared for them. */
import { chmodSync, copyFileSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import type { Composition } from "./compose-rules.ts";

export interface Mount {
  readonly kind: "config" | "secret";
  /** The name of the file that was prepared. */
  readonly file: string;
  readonly target: string;
}

/** @throws {Error} the service mounts what the composition does not have. */
export function mountsOf(composition: Composition, name: string): readonly Mount[] {
  const { configs = [], secrets = [] } = composition.services[name] ?? {};
  const mount = (kind: Mount["kind"], one: (typeof configs)[number]): Mount => {
    const { source, target } = typeof one === "string" ? { source: one, target: one } : one;
    const file = (kind === "config" ? composition.configs : composition.secrets)[source]?.file;
    if (file === undefined) throw new Error(`${name} mounts the ${kind} ${source}, which there is not`);
    return { kind, file: basename(file), target: placeOf(kind, target) };
  };
  return [...configs.map((one) => mount("config", one)), ...secrets.map((one) => mount("secret", one))];
}

function placeOf(kind: Mount["kind"], target: string): string {
  if (target.startsWith("/")) return target;
  return kind === "config" ? `/${target}` : `/run/secrets/${target}`;
}

export interface Inside {
  /** A text of the container, with the paths that its files have on this machine. */
  readonly outside: (text: string) => string;
  /** The path that a file of the container has on this machine. */
  readonly pathOf: (target: string) => string;
}

/**
 * Lays the files out below a folder as the container finds them: as an engine mounts them, they belong to who prepared them, and
 * everybody may read them.
 */
export function layOut(mounts: readonly Mount[], prepared: string, root: string): Inside {
  const pathOf = (target: string) => join(root, target);
  for (const { file, target } of mounts) {
    mkdirSync(dirname(pathOf(target)), { recursive: true });
    rmSync(pathOf(target), { force: true });
    copyFileSync(join(prepared, file), pathOf(target));
    chmodSync(pathOf(target), 0o444);
  }
  const outside = (text: string) =>
    text
      .replaceAll("/app/", `${packageRoot()}/`)
      .replaceAll(/(?<=^|[\s"=])\/(etc|run|var|data)\b/g, (path) => pathOf(path));
  return { outside, pathOf };
}
