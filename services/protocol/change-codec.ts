/** Changes on the wire: `[["<field>","<kind>","<operator>",<argument>],…]`, in WAL rows and in log entries alike. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { argumentProblem } from "../core/fields/argument.ts";
import { operatorsOf } from "../core/fields/index.ts";
import { CHANGE_KINDS, LOCAL_KINDS, OPERATORS, type Change } from "../core/fields/kind.ts";
import type { JsonValue } from "../core/json.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";

const Field = Type.String({ minLength: 1 });
const Operator = Type.Enum([...OPERATORS]);

/** What a region accepts alone. */
export const LocalChange = Type.Tuple([Field, Type.Enum([...LOCAL_KINDS]), Operator, Type.Unknown()]);
/** What the log decides on. */
export const ProposedChange = Type.Tuple([Field, Type.Enum([...CHANGE_KINDS]), Operator, Type.Unknown()]);

const changeLists = Compile(Type.Array(LocalChange, { minItems: 1 }));

export function toTuples(changes: readonly Change[]): Static<typeof ProposedChange>[] {
  return changes.map(({ field, kind, operator, argument }) => [field, kind, operator, argument]);
}

export function encodeChanges(changes: readonly Change[]): string {
  return JSON.stringify(toTuples(changes));
}

/** @throws {UndecodableEntryError} */
export function decodeChanges(body: string): Change[] {
  const tuples = parseJson(body, "changes");
  if (!changeLists.Check(tuples)) throw new UndecodableEntryError(`changes: ${explain(changeLists, tuples)}`);
  return tuples.map(toChange);
}

export function toChange([field, kind, operator, argument]: Static<typeof ProposedChange>): Change {
  if (!operatorsOf(kind).includes(operator)) {
    throw new UndecodableEntryError(`change of ${field}: a ${kind} has no operator ${operator}`);
  }
  const expected = argumentProblem(operator, argument);
  if (expected !== undefined)
    throw new UndecodableEntryError(`change of ${field}: ${operator} takes ${expected}`);
  return { field, kind, operator, argument: argument as JsonValue };
}
