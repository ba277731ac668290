/**
 * Makes an example of what a schema describes: what the schema itself gives as one, else a value that the member's name
 * suggests, else the simplest that is right. Pure: the same schema has the same example.
 */
import { HINTS, type Hint } from "./hints.ts";

/** As much of JSON Schema as the API's document has. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: { readonly [name: string]: Schema };
  readonly patternProperties?: { readonly [pattern: string]: Schema };
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly items?: Schema | readonly Schema[];
  readonly prefixItems?: readonly Schema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly minProperties?: number;
}

/** @param name of the member that has the schema. */
export function sampleOf(schema: Schema, name = ""): unknown {
  if (schema.examples !== undefined && schema.examples.length > 0) return schema.examples[0];
  if ("const" in schema) return schema.const;
  const hint = HINTS[name];
  if (hint !== undefined && suits(schema, hint)) return hint.value;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return sampleOf(schema.anyOf[0]!, name);
  if (schema.allOf !== undefined)
    return Object.assign({}, ...schema.allOf.map((part) => sampleOf(part, name)));
  if (schema.default !== undefined) return schema.default;
  return sampleOfType(schema, name);
}

function sampleOfType(schema: Schema, name: string): unknown {
  const type = typeof schema.type === "string" ? schema.type : schema.type?.[0];
  switch (type) {
    case "object":
      return sampleOfObject(schema, name);
    case "array":
      return sampleOfList(schema, name);
    case "string":
      return schema.format === "uuid" ? "7f1c2a90-3f61-8d3c-9a52-0c1c6f3b1a55" : "text";
    case "integer":
    case "number":
      return Math.min(Math.max(schema.minimum ?? 1, 1), schema.maximum ?? Number.MAX_SAFE_INTEGER);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return "Ada";
  }
}

/** What has to be there; what may be there, only where its name has a value that people know. */
function sampleOfObject(schema: Schema, name: string): unknown {
  const { properties = {}, required = [], patternProperties, additionalProperties } = schema;
  const members = Object.entries(properties).filter(
    ([member, of]) =>
      required.includes(member) || (HINTS[member]?.isWorthShowing === true && suits(of, HINTS[member])),
  );
  const sample = Object.fromEntries(members.map(([member, of]) => [member, sampleOf(of, member)]));
  const entry =
    Object.values(patternProperties ?? {})[0] ??
    (typeof additionalProperties === "object" ? additionalProperties : undefined);
  if (members.length > 0 || entry === undefined) return sample;
  return { [ENTRY_NAMES[name] ?? "eu"]: sampleOf(entry, name) };
}

/** What entries of a map are named by, where it is not regions. */
const ENTRY_NAMES: { readonly [member: string]: string } = {
  fields: "displayName",
  escrows: "stock",
  states: "pending",
};

function sampleOfList({ items, prefixItems, minItems = 1 }: Schema, name: string): unknown {
  const list = prefixItems ?? (Array.isArray(items) ? (items as readonly Schema[]) : undefined);
  if (list !== undefined) return list.map((item) => sampleOf(item, name));
  if (items === undefined) return [];
  return Array.from({ length: Math.max(1, minItems) }, () => sampleOf(items as Schema, singular(name)));
}

function singular(name: string): string {
  return name.endsWith("s") ? name.slice(0, -1) : name;
}

/** A hint is for the type that it was thought of for; another schema may use the name otherwise. */
function suits(schema: Schema, hint: Hint): boolean {
  const { value } = hint;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => suits(one, hint));
  if (typeof value === "string") {
    return (
      types.includes("string") &&
      (schema.pattern === undefined || new RegExp(schema.pattern, "u").test(value))
    );
  }
  if (typeof value === "number") {
    const { minimum = -Infinity, maximum = Infinity } = schema;
    return (types.includes("integer") || types.includes("number")) && value >= minimum && value <= maximum;
  }
  if (typeof value === "boolean") return types.includes("boolean");
  if (Array.isArray(value)) return types.includes("array");
  return types.includes("object") && schema.properties === undefined;
}
