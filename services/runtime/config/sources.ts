/** Where each option's text comes from: the environment, else the file, else nowhere. */
import { readFileSync, statSync } from "node:fs";
import { readConfigFile, SHALLOW, type ConfigFile } from "./config-file.ts";
import { reasonOf } from "./file-kinds.ts";
import { quote } from "./kind.ts";
import { nearestName } from "./nearest-name.ts";
import { isTakenFromFile, type Option } from "./option.ts";
import { isOfAnotherProgram } from "./other-variables.ts";
import { ALL_OPTIONS, CONFIG_FILE_VARIABLE } from "./schema.ts";

export type Environment = { readonly [name: string]: string | undefined };

/** An option as it was set. */
export interface Setting {
  readonly text: string | undefined;
  readonly origin: "default" | "environment" | "file";
  /** As errors name it: the variable, or the key and the file. */
  readonly name: string;
  /** Already known to be wrong. */
  readonly problem?: string;
}

export interface Settings {
  readonly byOption: ReadonlyMap<Option<unknown>, Setting>;
  readonly filePath: string | undefined;
  /** What is wrong with the file as a whole. */
  readonly problems: readonly string[];
  /** Names that this version does not know, each with what may have been meant. */
  readonly unknown: readonly string[];
}

/** A file that holds one value has no more than this. */
const VALUE_BYTES_MAX = 65_536;

/** @param configFile instead of the one that the environment names. */
export function gatherSettings(environment: Environment, configFile?: string): Settings {
  const path = configFile ?? textOf(environment[CONFIG_FILE_VARIABLE]);
  const file = path === undefined ? undefined : readConfigFile(path, hasPairs);
  const byOption = new Map(
    ALL_OPTIONS.map((option) => [
      option,
      inEnvironment(option, environment) ?? inFile(option, file) ?? nowhere(option, file),
    ]),
  );
  return {
    byOption,
    filePath: path,
    problems: file?.problems ?? [],
    unknown: [...unknownVariables(environment), ...unknownKeys(file)],
  };
}

/** What is empty counts as not set. */
function textOf(value: string | undefined): string | undefined {
  const text = value?.trim();
  return text === "" ? undefined : text;
}

function hasPairs(key: string): boolean {
  return ALL_OPTIONS.some((option) => option.key === key && option.kind.form === "pairs");
}

function inEnvironment(option: Option<unknown>, environment: Environment): Setting | undefined {
  const { variable } = option;
  const fileVariable = `${variable}_FILE`;
  const text = textOf(environment[variable]);
  const path = isTakenFromFile(option) ? textOf(environment[fileVariable]) : undefined;
  if (text !== undefined && path !== undefined)
    return {
      text,
      origin: "environment",
      name: variable,
      problem: `and ${fileVariable} are both set; keep one`,
    };
  if (text !== undefined) return { text, origin: "environment", name: variable };
  return path === undefined ? undefined : fromFile(path, { origin: "environment", name: fileVariable });
}

function inFile(option: Option<unknown>, file: ConfigFile | undefined): Setting | undefined {
  if (file === undefined) return undefined;
  const { key, kind, variable } = option;
  const nameOf = (one: string) => `${one} in ${file.path} (${variable})`;
  const value = file.texts.get(key);
  const path = isTakenFromFile(option) ? file.texts.get(`${key}_file`) : undefined;
  if (value !== undefined) {
    const setting: Setting = { text: value.text, origin: "file", name: nameOf(key) };
    if (path !== undefined) return { ...setting, problem: `and ${key}_file are both set; keep one` };
    if (value.form === "deep") return { ...setting, problem: `must be ${SHALLOW}` };
    if (value.form === "one" || value.form === kind.form) return setting;
    return { ...setting, problem: `has several values; it must be ${kind.expectation}` };
  }
  if (path === undefined) return undefined;
  const setting = { origin: "file", name: nameOf(`${key}_file`) } as const;
  return path.form === "one"
    ? fromFile(path.text, setting)
    : { ...setting, text: undefined, problem: "must be the path of one file" };
}

function nowhere({ key, variable }: Option<unknown>, file: ConfigFile | undefined): Setting {
  const name = file === undefined ? variable : `${variable} (${key} in ${file.path})`;
  return { text: undefined, origin: "default", name };
}

/** The value that a file holds, as containers mount secrets; a line end after it does not count. */
function fromFile(path: string, setting: Pick<Setting, "origin" | "name">): Setting {
  const wrong = (problem: string): Setting => ({ ...setting, text: undefined, problem });
  try {
    if (statSync(path).size > VALUE_BYTES_MAX)
      return wrong(
        `names a file larger than ${VALUE_BYTES_MAX} bytes; it must hold the value and nothing else`,
      );
    const text = textOf(readFileSync(path, "utf8"));
    return text === undefined ? wrong(`names a file that is empty: ${quote(path)}`) : { ...setting, text };
  } catch (error) {
    return wrong(`names a file that can't be read: ${reasonOf(error)}`);
  }
}

/** All variables that the process reads. */
export const KNOWN_VARIABLES: ReadonlySet<string> = new Set([
  CONFIG_FILE_VARIABLE,
  ...ALL_OPTIONS.flatMap((option) =>
    isTakenFromFile(option) ? [option.variable, `${option.variable}_FILE`] : [option.variable],
  ),
]);

const KNOWN_KEYS: ReadonlySet<string> = new Set(
  ALL_OPTIONS.flatMap((option) =>
    isTakenFromFile(option) ? [option.key, `${option.key}_file`] : [option.key],
  ),
);

function unknownVariables(environment: Environment): readonly string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("FOREBAY_") && !KNOWN_VARIABLES.has(name) && !isOfAnotherProgram(name))
    .sort()
    .map((name) => unknownName(name, KNOWN_VARIABLES));
}

/** What is empty may be a section of which nothing is said. */
const KNOWN_SECTIONS: ReadonlySet<string> = new Set([...KNOWN_KEYS].map((key) => key.split(".", 1)[0]!));

function unknownKeys(file: ConfigFile | undefined): readonly string[] {
  if (file === undefined) return [];
  const keys = [...file.texts.keys(), ...[...file.empty].filter((key) => !KNOWN_SECTIONS.has(key))];
  return keys
    .filter((key) => !KNOWN_KEYS.has(key))
    .map((key) => `${unknownName(key, KNOWN_KEYS)} (in ${file.path})`);
}

/** The name alone: its value may be a secret. */
export function unknownName(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, [...known]);
  const hint = nearest === undefined ? "`forebay config reference` lists all" : `did you mean ${nearest}?`;
  return `${quote(name).slice(1, -1)} is no option of this version; ${hint}`;
}
