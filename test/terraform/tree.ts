/** The Terraform tree as HCL's own parser reads it. Texts can be changed in memory before, so that mistakes can be planted. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parse } from "@cdktn/hcl2json";
import { packageRoot } from "../../services/runtime/package-root.ts";

export const TERRAFORM = join(packageRoot(), "terraform");

/** Texts by path below `terraform/`, with slashes. */
export type Texts = ReadonlyMap<string, string>;

/** Arguments by name, and nested blocks as lists; an expression is a string in `${…}`. */
export type Body = Readonly<Record<string, unknown>>;

/** Blocks by their labels, such as `resource.aws_vpc.this[0]`. */
type Labelled<Depth> = Readonly<Record<string, Depth>>;

export interface Blocks {
  readonly variable?: Labelled<readonly Body[]>;
  readonly output?: Labelled<readonly Body[]>;
  readonly module?: Labelled<readonly Body[]>;
  readonly provider?: Labelled<readonly Body[]>;
  readonly locals?: readonly Body[];
  readonly terraform?: readonly Body[];
  readonly resource?: Labelled<Labelled<readonly Body[]>>;
  readonly data?: Labelled<Labelled<readonly Body[]>>;
  readonly ephemeral?: Labelled<Labelled<readonly Body[]>>;
}

export interface ParsedFile {
  readonly path: string;
  readonly blocks: Blocks;
}

/** All files of one folder: what Terraform takes for a module. */
export interface Module {
  /** Below `terraform/`, such as `modules/nats`. */
  readonly folder: string;
  readonly files: readonly ParsedFile[];
}

export interface Resource {
  readonly path: string;
  readonly type: string;
  readonly name: string;
  readonly body: Body;
}

const EXTENSIONS = /\.(tf|tftpl|hcl|yaml|js|sh)$/;

export function readTexts(): Texts {
  return new Map(
    readdirSync(TERRAFORM, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && EXTENSIONS.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes(".terraform"))
      .map((path) => [relative(TERRAFORM, path).replaceAll("\\", "/"), readFileSync(path, "utf8")]),
  );
}

const parsed = new Map<string, Promise<Blocks>>();

/** Parses a file once, however often it is asked for. @throws {Error} with place and reason, where it is not HCL. */
function parseOnce(path: string, text: string): Promise<Blocks> {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const blocks: Promise<Blocks> = parse(path, text);
  parsed.set(text, blocks);
  return blocks;
}

/** Every folder with Terraform files, as modules. */
export async function parseModules(texts: Texts): Promise<readonly Module[]> {
  const files = await Promise.all(
    [...texts]
      .filter(([path]) => path.endsWith(".tf"))
      .map(async ([path, text]) => ({ path, blocks: await parseOnce(path, text) })),
  );
  const folders = [...new Set(files.map(({ path }) => dirname(path)))].sort();
  return folders.map((folder) => ({ folder, files: files.filter(({ path }) => dirname(path) === folder) }));
}

/** The texts with one of them changed. @throws {Error} when there is nothing to change: the plant would try nothing. */
export function withChange(
  texts: Texts,
  { path, from, to }: { readonly path: string; readonly from: string | RegExp; readonly to: string },
): Texts {
  const text = texts.get(path);
  const changed = text?.replace(from, to);
  if (text === undefined || changed === text) throw new Error(`there is no ${String(from)} in ${path}`);
  return new Map([...texts, [path, changed ?? ""]]);
}

export function resourcesOf(modules: readonly Module[], type?: string): readonly Resource[] {
  return modules.flatMap(({ files }) =>
    files
      .flatMap(({ path, blocks }) => flatten(blocks.resource, path))
      .filter((one) => one.type === (type ?? one.type)),
  );
}

export function flatten(blocks: Blocks["resource"], path: string): readonly Resource[] {
  return Object.entries(blocks ?? {}).flatMap(([type, named]) =>
    Object.entries(named).flatMap(([name, bodies]) => bodies.map((body) => ({ path, type, name, body }))),
  );
}

/** The nested blocks of a kind; none where there are none. */
export function nested(body: Body, name: string): readonly Body[] {
  const value = body[name];
  return Array.isArray(value) ? (value as readonly Body[]) : [];
}

/** Every text below a value: expressions are among them. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
}
