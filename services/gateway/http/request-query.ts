/** What a request's query asks for. Parameters that nobody knows are refused: a misspelt one must not be ignored. */
import { isStorableText } from "../../core/json.ts";
import {
  AVAILABLE_CONSISTENCIES,
  CONSISTENCIES,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  type AvailableConsistency,
} from "../../protocol/http/headers.ts";
import { ProblemError } from "./problem.ts";

export type Query = { readonly [name: string]: string | undefined };

/** @throws {ProblemError} invalid-parameter, for a parameter that is unknown or given twice. */
export function readQuery(query: unknown, known: readonly string[]): Query {
  // oxlint-disable-next-line guard-for-in -- the parser's object has no prototype
  for (const name in query as Query) {
    const value: unknown = (query as Query)[name];
    if (!known.includes(name)) {
      const names = known.length === 0 ? "none" : known.join(", ");
      throw invalid(name, `there is no parameter "${name}" here; known: ${names}`);
    }
    if (typeof value !== "string") throw invalid(name, `"${name}" is given more than once`);
  }
  return query as Query;
}

/** @throws {ProblemError} invalid-parameter, consistency-not-available. */
export function consistencyOf(query: Query): AvailableConsistency {
  const value = query["consistency"] ?? "local";
  if (!(CONSISTENCIES as readonly string[]).includes(value)) {
    throw invalid("consistency", `consistency is one of ${CONSISTENCIES.join(", ")}`);
  }
  const available = AVAILABLE_CONSISTENCIES.find((consistency) => consistency === value);
  if (available === undefined) {
    throw new ProblemError(
      "consistency-not-available",
      `this version does not read with consistency=${value}; available are ${AVAILABLE_CONSISTENCIES.join(" and ")}`,
      { field: "consistency" },
    );
  }
  if (query["max_staleness_ms"] !== undefined) {
    throw invalid("max_staleness_ms", "max_staleness_ms goes with consistency=bounded only");
  }
  return available;
}

/** @throws {ProblemError} invalid-parameter. */
export function limitOf(query: Query): number {
  const value = query["limit"];
  if (value === undefined) return LIST_LIMIT_DEFAULT;
  const limit = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= LIST_LIMIT_MAX) return limit;
  throw invalid("limit", `limit is a whole number from 1 to ${LIST_LIMIT_MAX}`);
}

/** @throws {ProblemError} invalid-parameter. */
export function prefixOf(query: Query): string {
  const prefix = query["prefix"] ?? "";
  if (isStorableText(prefix)) return prefix;
  throw invalid("prefix", "prefix has a NUL character or half a surrogate pair");
}

function invalid(field: string, detail: string): ProblemError {
  return new ProblemError("invalid-parameter", detail, { field });
}
