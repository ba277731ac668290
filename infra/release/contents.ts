/** What is in the package: exactly what runs, and what it reads. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { reachable } from "./reach.ts";

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly import: string }>>;
}

/** What is started by its path: nobody imports it. */
const STARTED = ["dist/services/region/main.js", "dist/infra/load/worker.js"];
/** Programs in one file each, with what they were made of. */
const BUNDLES = ["dist/bundles/region.js", "dist/bundles/region.json"];
const MIGRATIONS = "services/adapters/postgres/migrations";
const CODE = /^dist\/(services|infra)\//;
/** Of its modules, not of its examples. */
const CLIENT_TYPES = /^dist\/services\/client\/(?!examples\/)[\w/-]+\.d\.ts$/;

/** What is neither code nor declarations, and belongs there. */
const ASSETS = [
  /^(package\.json|README\.md|LICENSE)$/,
  /^infra\/release\/CHANGELOG\.md$/,
  /^regions\/[\w-]+\.yaml$/,
  /^infra\/chaos\/scenarios\/[\w-]+\.yaml$/,
  /^dist\/console\/index\.html(\.gz|\.br)?$/,
  /^dist\/console\/assets\/[\w.-]+\.(js|css|svg|woff2)(\.gz|\.br)?$/,
  /^services\/adapters\/postgres\/migrations\/(\d{4}_\w+\.sql|meta\/_journal\.json)$/,
];

/** Everything that the tree at `root`, which is built, needs when it runs, as paths with slashes. */
export function whatRuns(root: string): ReadonlySet<string> {
  return new Set([...reachable(root, entriesOf(root)), ...assetsNeeded(root)]);
}

/**
 * What is wrong with the contents of a package.
 * @param files their paths in the package, with slashes.
 * @param needed of the tree that it was made of.
 * @returns one sentence each; none where they are just what runs.
 */
export function contentProblems(
  { root, needed }: { readonly root: string; readonly needed: ReadonlySet<string> },
  files: readonly string[],
): readonly string[] {
  const packed = new Set(files);
  const missing = [...needed].filter((path) => !packed.has(path)).map((path) => `${path} is missing`);
  const surplus = files
    .filter((path) => !needed.has(path) && !isHarmless(root, path))
    .map((path) => `${path} is there, and nothing needs it`);
  return [...missing, ...surplus].sort();
}

/** What programs and apps begin with. */
function entriesOf(root: string): string[] {
  const { bin, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  const exported = Object.values(exports).flatMap((one) =>
    typeof one === "string" ? [] : [one.types, one.import],
  );
  return [...STARTED, ...Object.values(bin), ...exported].map((path) => path.replace(/^\.\//, ""));
}

function assetsNeeded(root: string): string[] {
  const journal = JSON.parse(readFileSync(join(root, MIGRATIONS, "meta/_journal.json"), "utf8")) as {
    readonly entries: readonly { readonly tag: string }[];
  };
  const below = (folder: string) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  return [
    "package.json",
    "README.md",
    "LICENSE",
    "infra/release/CHANGELOG.md",
    "dist/console/index.html",
    ...BUNDLES,
    ...below("dist/console/assets"),
    ...below("regions"),
    ...below("infra/chaos/scenarios"),
    `${MIGRATIONS}/meta/_journal.json`,
    ...journal.entries.map(({ tag }) => `${MIGRATIONS}/${tag}.sql`),
  ];
}

/** A module of types compiles to nothing; neither that nor the client's declarations need lists of their own in package.json. */
function isHarmless(root: string, path: string): boolean {
  if (!CODE.test(path)) return ASSETS.some((pattern) => pattern.test(path));
  if (CLIENT_TYPES.test(path)) return true;
  return path.endsWith(".js") && isEmptyCode(readFileSync(join(root, path), "utf8"));
}

export function isEmptyCode(text: string): boolean {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return /^\s*(export \{\};)?\s*$/.test(code);
}
