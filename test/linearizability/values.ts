/** Values of registers: comparing them, and standing in for them. */
import { canonicalJson, type JsonValue } from "../../services/core/json.ts";

export function isSame(one: JsonValue, other: JsonValue): boolean {
  return one === other || (typeof one === "object" && canonicalJson(one) === canonicalJson(other));
}

/** A text that none of the values, given as canonical texts, is or begins with. */
export function valueBeside(values: ReadonlySet<string>): string {
  let value = "unobserved";
  while ([...values].some((other) => other.startsWith(`"${value}`))) value += "-";
  return value;
}
