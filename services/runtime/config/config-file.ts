/** A configuration file: YAML, its keys in sections, each value as the text that the variable would have. */
import { readFileSync, statSync } from "node:fs";
import { parse } from "yaml";
import { reasonOf } from "./file-kinds.ts";

export interface ConfigFile {
  readonly path: string;
  /** By key, with a dot between section and name: what is not empty. */
  readonly texts: ReadonlyMap<string, FileValue>;
  /** The keys of what is empty; sections with nothing in them are among them. */
  readonly empty: ReadonlySet<string>;
  readonly problems: readonly string[];
}

export interface FileValue {
  readonly text: string;
  /** `deep`: it has more below it than any option takes, and no text. */
  readonly form: "one" | "list" | "pairs" | "deep";
}

/** What there may be in a file where an option is deep. */
export const SHALLOW = "a text, a number or a list of them";

const BYTES_MAX = 1024 ** 2;

/** Reads a file; what can't be read, or is no configuration, is among the problems. */
export function readConfigFile(path: string, isPairs: (key: string) => boolean): ConfigFile {
  try {
    if (statSync(path).size > BYTES_MAX) return failed(path, `is larger than ${BYTES_MAX} bytes`);
    return parseConfigFile(path, { text: readFileSync(path, "utf8"), isPairs });
  } catch (error) {
    return failed(path, `can't be read: ${reasonOf(error)}`);
  }
}

interface FileText {
  readonly text: string;
  /** Whether what a key has below it is its value, and not a section. */
  readonly isPairs: (key: string) => boolean;
}

export function parseConfigFile(path: string, { text, isPairs }: FileText): ConfigFile {
  let document: unknown;
  try {
    // Only texts: 0123 stays what it is, and a password of digits is no number.
    document = parse(text, { schema: "failsafe", prettyErrors: false });
  } catch (error) {
    const { code, pos } = error as { code?: string; pos?: readonly [number, number] };
    const line = text.slice(0, pos?.[0] ?? 0).split("\n").length;
    return failed(path, `is not YAML: ${code ?? "unreadable"} in line ${line}`);
  }
  if (document === null || document === "") return { path, texts: new Map(), empty: new Set(), problems: [] };
  if (!isMapping(document)) return failed(path, "must have keys, such as `region: eu`");
  return { path, ...valuesIn(document, { path, isPairs }) };
}

function valuesIn(
  document: object,
  { path, isPairs }: Pick<FileText, "isPairs"> & { readonly path: string },
) {
  const texts = new Map<string, FileValue>();
  const empty = new Set<string>();
  const problems: string[] = [];
  const take = (key: string, value: unknown) => {
    if (texts.has(key) || empty.has(key)) problems.push(`${key} in ${path} is there twice; keep one`);
    const taken = valueOf(value);
    if (taken.text !== "" || taken.form === "deep") texts.set(key, taken);
    else empty.add(key);
  };
  for (const [name, value] of Object.entries(document) as [string, unknown][]) {
    const below = isMapping(value) && !isPairs(name) ? Object.entries(value) : [];
    if (below.length === 0) take(name, value);
    else for (const [inner, one] of below) take(`${name}.${inner}`, one);
  }
  return { texts, empty, problems };
}

function failed(path: string, problem: string): ConfigFile {
  return {
    path,
    texts: new Map(),
    empty: new Set(),
    problems: [`the configuration file ${path} ${problem}`],
  };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const DEEP: FileValue = { text: "", form: "deep" };

function valueOf(value: unknown): FileValue {
  if (value === null) return { text: "", form: "one" };
  if (typeof value === "string") return { text: value.trim(), form: "one" };
  if (Array.isArray(value))
    return value.every((part) => typeof part === "string") ? { text: value.join(","), form: "list" } : DEEP;
  if (!isMapping(value)) return DEEP;
  const pairs = Object.entries(value);
  return pairs.every(([, part]) => typeof part === "string")
    ? { text: pairs.map(([name, part]) => `${name}=${String(part)}`).join(","), form: "pairs" }
    : DEEP;
}
