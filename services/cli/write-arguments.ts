/** From the options of `forebay put` to the body of a write. */
import { UsageError } from "./errors.ts";

/** As commander collects them: each option may be given many times. */
export interface WriteOptions {
  readonly set?: readonly string[];
  readonly unset?: readonly string[];
  readonly inc?: readonly string[];
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly put?: readonly string[];
  readonly drop?: readonly string[];
  readonly raise?: readonly string[];
  readonly lower?: readonly string[];
  readonly give?: readonly string[];
  readonly take?: readonly string[];
  readonly json?: string;
}

type Arguments = { [field: string]: unknown };

/** @throws {UsageError} */
export function writeBodyOf(options: WriteOptions): unknown {
  const { json, ...operators } = options;
  const body = bodyOfOperators(operators);
  const isEmpty = Object.keys(body).length === 0;
  if (json === undefined) {
    if (isEmpty)
      throw new UsageError("nothing to write: give at least one of --set, --inc, --add… or --json");
    return body;
  }
  if (!isEmpty) throw new UsageError("--json is the whole body: it can't be combined with other operators");
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--json is not JSON: ${(error as Error).message}`);
  }
}

function bodyOfOperators(options: Omit<WriteOptions, "json">): Arguments {
  const body: Arguments = {};
  for (const name of ["set", "inc", "raise", "lower", "give", "take"] as const) {
    addMember(body, name, singles(name, options[name]));
  }
  for (const name of ["add", "remove"] as const) addMember(body, name, lists(name, options[name]));
  addMember(body, "put", entries(options.put));
  addMember(body, "drop", droppedEntries(options.drop));
  if (options.unset !== undefined && options.unset.length > 0) body["unset"] = [...options.unset];
  return body;
}

function addMember(body: Arguments, name: string, argument: Arguments): void {
  if (Object.keys(argument).length > 0) body[name] = argument;
}

/** `field=value`, one value per field. */
function singles(option: string, assignments: readonly string[] = []): Arguments {
  const fields = new Map<string, unknown>();
  for (const assignment of assignments) {
    const [field, value] = splitAssignment(option, assignment);
    if (fields.has(field)) throw new UsageError(`--${option} ${field} is given twice`);
    fields.set(field, value);
  }
  return Object.fromEntries(fields);
}

/** `field=element`, many per field. */
function lists(option: string, assignments: readonly string[] = []): Arguments {
  const fields = new Map<string, unknown[]>();
  for (const assignment of assignments) {
    const [field, value] = splitAssignment(option, assignment);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return Object.fromEntries(fields);
}

/** `field.entry=value`. */
function entries(assignments: readonly string[] = []): Arguments {
  const fields = new Map<string, [string, unknown][]>();
  for (const assignment of assignments) {
    const [name, value] = splitAssignment("put", assignment);
    const [field, entry] = splitEntry("put", name);
    fields.set(field, [...(fields.get(field) ?? []), [entry, value]]);
  }
  return Object.fromEntries([...fields].map(([field, pairs]) => [field, Object.fromEntries(pairs)]));
}

/** `field.entry`. */
function droppedEntries(names: readonly string[] = []): Arguments {
  const fields = new Map<string, string[]>();
  for (const name of names) {
    const [field, entry] = splitEntry("drop", name);
    fields.set(field, [...(fields.get(field) ?? []), entry]);
  }
  return Object.fromEntries(fields);
}

function splitAssignment(option: string, assignment: string): [string, unknown] {
  const at = assignment.indexOf("=");
  if (at < 1) throw new UsageError(`--${option} takes field=value, not "${assignment}"`);
  return [assignment.slice(0, at), valueOf(assignment.slice(at + 1))];
}

function splitEntry(option: string, name: string): [string, string] {
  const at = name.indexOf(".");
  if (at < 1 || at === name.length - 1) throw new UsageError(`--${option} takes field.entry, not "${name}"`);
  return [name.slice(0, at), name.slice(at + 1)];
}

/** JSON where it is JSON, and otherwise the text itself. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
