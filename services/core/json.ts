/** JSON values: what may be stored, and one canonical text for each. */

export type JsonScalar = string | number | boolean | null;
export type JsonValue = JsonScalar | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export const JSON_DEPTH_MAX = 32;

/** Reads an own property only: a name such as `constructor` must not find the prototype's. */
export function own<T>(object: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** PostgreSQL can store neither NUL nor half a surrogate pair in text. */
export function isStorableText(text: string): boolean {
  return !text.includes("\u0000") && text.isWellFormed();
}

/**
 * Why a parsed JSON value can't be stored, or undefined where it can: numbers beyond the range of a double,
 * text that PostgreSQL refuses, nesting deeper than `JSON_DEPTH_MAX`.
 */
export function unstorableReason(value: unknown, depth = 0): string | undefined {
  if (depth > JSON_DEPTH_MAX) return `is nested deeper than ${JSON_DEPTH_MAX} levels`;
  switch (typeof value) {
    case "string":
      return isStorableText(value) ? undefined : "has a NUL character or half a surrogate pair";
    case "number":
      return Number.isFinite(value) ? undefined : "has a number out of range";
    case "boolean":
      return undefined;
    case "object":
      return value === null ? undefined : unstorableMember(value, depth);
    default:
      return `has a value of type ${typeof value}`;
  }
}

function unstorableMember(value: object, depth: number): string | undefined {
  for (const [key, member] of Object.entries(value)) {
    if (!isStorableText(key)) return "has a NUL character or half a surrogate pair in a name";
    const reason = unstorableReason(member, depth + 1);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** One text per value: members sorted by name, no spaces. Equal values have equal texts, in every region. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  let members = "";
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) continue;
    members += `${members === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}
