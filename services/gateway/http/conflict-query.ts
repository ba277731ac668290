/** Which conflicts a request's query asks for. */
import { checkKey } from "../../core/accept/key.ts";
import { LOSS_REASONS } from "../../core/fields/kind.ts";
import { COLLECTION_NAME_PATTERN, FIELD_NAME_PATTERN } from "../../core/schema.ts";
import type { ConflictFilter } from "../../ports/region-store.ts";
import { REGION_NAME_PATTERN } from "../../protocol/http/headers.ts";
import { ProblemError } from "./problem.ts";
import type { Query } from "./request-query.ts";

const COLLECTION_NAME = new RegExp(COLLECTION_NAME_PATTERN);
const FIELD_NAME = new RegExp(FIELD_NAME_PATTERN);
const REGION_NAME = new RegExp(REGION_NAME_PATTERN);

/**
 * A name that can't be one is refused rather than never found.
 * @throws {ProblemError} invalid-parameter.
 * @throws {RefusedWriteError} invalid-key.
 */
export function conflictFilterOf(query: Query): ConflictFilter {
  const { collection, key, field, region } = query;
  if (key !== undefined) {
    if (collection === undefined) throw invalid("key", "a key goes with the collection that it is of");
    checkKey(key);
  }
  checkCollectionName(collection);
  checkName(field, { parameter: "field", pattern: FIELD_NAME, what: "the name of a field" });
  checkName(region, { parameter: "region", pattern: REGION_NAME, what: "the name of a region" });
  return { collection, key, field, reason: reasonOf(query["reason"]), region };
}

/** @throws {ProblemError} invalid-parameter. */
export function checkCollectionName(collection: string | undefined): void {
  const what = "the name of a collection";
  checkName(collection, { parameter: "collection", pattern: COLLECTION_NAME, what });
}

function checkName(
  value: string | undefined,
  { parameter, pattern, what }: { parameter: string; pattern: RegExp; what: string },
): void {
  if (value !== undefined && !pattern.test(value)) throw invalid(parameter, `"${parameter}" is not ${what}`);
}

function reasonOf(value: string | undefined): ConflictFilter["reason"] {
  if (value === undefined) return undefined;
  const reason = LOSS_REASONS.find((known) => known === value);
  if (reason !== undefined) return reason;
  throw invalid("reason", `reason is one of ${LOSS_REASONS.join(", ")}`);
}

function invalid(field: string, detail: string): ProblemError {
  return new ProblemError("invalid-parameter", detail, { field });
}
