/**
 * How a schema may change. Whatever records hold, and whatever regions have accepted under the schema before, has to keep
 * its meaning: fields may be added, deprecated, widened and indexed, and a last-write-wins field can become authoritative.
 */
import { canonicalJson, own } from "./json.ts";
import {
  escrowMin,
  fieldsInOrder,
  isEscrow,
  valueTypeOf,
  type AuthoritativeField,
  type CollectionSchema,
  type FieldDefinition,
  type ValueType,
} from "./schema.ts";

/** Why a schema can't follow another, in sentences; empty when it can. */
export function evolutionProblems(before: CollectionSchema, after: CollectionSchema): string[] {
  const problems: string[] = [];
  for (const [name, definition] of fieldsInOrder(before)) {
    const next = own(after.fields, name);
    if (next === undefined) {
      const reason = 'records may hold values of it; set "deprecated": true instead';
      problems.push(`field ${name} is missing: a field can't be removed, since ${reason}`);
      continue;
    }
    const problem = fieldProblem(definition, next);
    if (problem !== undefined) problems.push(`field ${name} ${problem}`);
  }
  const was = before.partitionBy ?? "key";
  const is = after.partitionBy ?? "key";
  if (was !== is) problems.push(`records are placed by ${was}: they can't be placed by ${is} afterwards`);
  return problems;
}

export function sameSchema(one: CollectionSchema, other: CollectionSchema): boolean {
  return canonicalJson(spelledOut(one)) === canonicalJson(spelledOut(other));
}

/** With what is left out said, so that two ways to say the same are the same. */
function spelledOut(schema: CollectionSchema): object {
  const fields = Object.entries(schema.fields).map(([name, definition]) => {
    const { deprecated = false, index = false, ...rest } = definition;
    const bound = isEscrow(definition) && { min: escrowMin(definition) };
    return [name, { ...rest, ...bound, type: valueTypeOf(definition), deprecated, index }];
  });
  const { partitionBy = "key", delete: deletes = "authoritative", ttlMs, tombstoneRetentionMs } = schema;
  return { fields: Object.fromEntries(fields) as object, partitionBy, deletes, ttlMs, tombstoneRetentionMs };
}

function fieldProblem(was: FieldDefinition, is: FieldDefinition): string | undefined {
  const before = describe(was);
  const after = describe(is);
  const isPromoted = was.class === "lww" && is.class === "authoritative";
  if (isPromoted) return promotionProblem(is) ?? typeProblem(was, is);
  if (before.kind !== after.kind) return `was ${before.text} and can't become ${after.text}`;
  if (isEscrow(was) && isEscrow(is) && escrowMin(was) !== escrowMin(is))
    return `was bounded by ${escrowMin(was)} and can't be by ${escrowMin(is)}: regions hold rights down to it`;
  if (was.class !== "authoritative" || is.class !== "authoritative") return typeProblem(was, is);
  return typeProblem(was, is) ?? ruleProblem(was, is);
}

function describe(definition: FieldDefinition): { kind: string; text: string } {
  const kind = definition.class === "merge" ? `merge ${definition.kind}` : definition.class;
  return { kind, text: `${kind} of ${valueTypeOf(definition)}` };
}

function typeProblem(was: FieldDefinition, is: FieldDefinition): string | undefined {
  const before = valueTypeOf(was);
  const after = valueTypeOf(is);
  if (isWider(after, before)) return undefined;
  return `was ${describe(was).text} and can't become ${describe(is).text}: only a wider type takes the values that are there`;
}

function isWider(after: ValueType, before: ValueType): boolean {
  return after === before || after === "json" || (after === "number" && before === "integer");
}

/** Values that are there were written without rules. Bounds and immutability only look at what comes. */
function promotionProblem(is: AuthoritativeField): string | undefined {
  if (is.unique === true) return "can't become unique: values that are there may be equal";
  if (is.states !== undefined) return "can't get states: values that are there may be none of them";
  return undefined;
}

function ruleProblem(was: AuthoritativeField, is: AuthoritativeField): string | undefined {
  if ((was.unique ?? false) !== (is.unique ?? false)) {
    return "can neither become unique nor cease to be: whose the values are is kept from the first one on";
  }
  if ((was.states === undefined) !== (is.states === undefined)) return "can neither get states nor lose them";
  if (was.initial !== is.initial) return `began at "${was.initial}" and can't begin at "${is.initial}"`;
  const lost = statesOf(was).filter((state) => !statesOf(is).includes(state));
  if (lost.length > 0) return `has no state ${lost.join(", ")} any more, which records may be in`;
  const isNarrower = isAbove(is.min, was.min, -Infinity) || isAbove(was.max, is.max, Infinity);
  return isNarrower ? "can't get narrower bounds: values that are there may be outside of them" : undefined;
}

function isAbove(one: number | undefined, other: number | undefined, otherwise: number): boolean {
  return (one ?? otherwise) > (other ?? otherwise);
}

function statesOf({ states = {} }: AuthoritativeField): string[] {
  return [...new Set([...Object.keys(states), ...Object.values(states).flat()])];
}
