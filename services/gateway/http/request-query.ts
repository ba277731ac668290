/** What a request's query asks for. Parameters that nobody knows are refused: a misspelt one must not be ignored. */
import { isStorableText } from "../../core/json.ts";
import {
  CONSISTENCIES,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  STALENESS_MS_MAX,
} from "../../protocol/http/headers.ts";
import type { ReadRequest } from "../gateway.ts";
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

/** @throws {ProblemError} invalid-parameter. */
export function consistencyOf(query: Query): Pick<ReadRequest, "consistency" | "stalenessMsMax"> {
  const { consistency: name = "local", max_staleness_ms: staleness } = query;
  const consistency = CONSISTENCIES.find((known) => known === name);
  if (consistency === undefined) {
    throw invalid("consistency", `consistency is one of ${CONSISTENCIES.join(", ")}`);
  }
  if (consistency === "bounded") return { consistency, stalenessMsMax: stalenessOf(staleness) };
  if (staleness === undefined) return { consistency, stalenessMsMax: undefined };
  throw invalid("max_staleness_ms", "max_staleness_ms goes with consistency=bounded only");
}

function stalenessOf(value: string | undefined): number {
  const stalenessMs = value === undefined ? undefined : wholeNumberOf(value);
  if (stalenessMs !== undefined && stalenessMs <= STALENESS_MS_MAX) return stalenessMs;
  throw invalid(
    "max_staleness_ms",
    `consistency=bounded takes max_staleness_ms, a whole number from 0 to ${STALENESS_MS_MAX}`,
  );
}

/** @throws {ProblemError} invalid-parameter. */
export function expiresAtMsOf(query: Query): number | undefined {
  const value = query["expires_at_ms"];
  if (value === undefined) return undefined;
  const expiresAtMs = wholeNumberOf(value);
  if (expiresAtMs !== undefined) return expiresAtMs;
  throw invalid("expires_at_ms", "expires_at_ms is a whole number, as the answer to the request has told it");
}

/** Of the log; undefined where it is not given. @throws {ProblemError} invalid-parameter. */
export function positionOf(query: Query, name: string): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const position = wholeNumberOf(value);
  if (position !== undefined && position > 0) return position;
  throw invalid(name, `${name} is a position of the log, a whole number from 1`);
}

export function wholeNumberOf(value: string): number | undefined {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Undefined where it is not given. @throws {ProblemError} invalid-parameter. */
export function wholeNumberBetween(
  query: Query,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  const number = wholeNumberOf(value);
  if (number !== undefined && number >= min && number <= max) return number;
  throw invalid(name, `${name} is a whole number from ${min} to ${max}`);
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
