/** JSON documents as a database keeps them. */
import { canonicalJson } from "../../services/core/json.ts";

/** The members come back in another order. */
export function roundTrip<T>(value: T): T {
  return JSON.parse(canonicalJson(value)) as T;
}
