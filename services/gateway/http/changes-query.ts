/** What a request to `GET /v1/changes` asks for. */
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { UNSETTLED_KEYS_MAX } from "../../protocol/http/feed.ts";
import type { SubscribeRequest } from "../feed/feed.ts";
import type { FeedFormat } from "./feed-stream.ts";
import { identityOf } from "./identity.ts";
import { ProblemError } from "./problem.ts";
import { readQuery, wholeNumberBetween, type Query } from "./request-query.ts";

const LIMIT = { min: 1, max: 100_000 };
const LIMIT_DEFAULT = 1_000;
/** The one subscription that an answer has. */
export const CHANGES_ID = "changes";

export const ChangesQuery = Type.Object({
  collection: Type.String(),
  key: Type.Optional(Type.String({ description: "One record." })),
  prefix: Type.Optional(Type.String({ description: "Records whose keys begin with it." })),
  after: Type.Optional(
    Type.String({ description: "The last cursor. Header Last-Event-ID says the same, and counts first." }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: LIMIT.min,
      maximum: LIMIT.max,
      default: LIMIT_DEFAULT,
      description: "Of a page.",
    }),
  ),
  follow: Type.Optional(
    Type.Boolean({ description: "Stay, and tell on. Default: true of server-sent events, otherwise false." }),
  ),
  pending: Type.Optional(
    Type.Boolean({ default: false, description: "Also tell what the log has not ordered yet." }),
  ),
  unsettled: Type.Optional(
    Type.String({
      description: `With a cursor and pending=true: keys of records whose last told state was pending, which are told as they are. Separated by commas, or the parameter repeated; each key is percent-encoded once more than the query is. At most ${UNSETTLED_KEYS_MAX}: with more, begin anew without a cursor.`,
    }),
  ),
});
const PARAMETERS = Object.keys(ChangesQuery.properties);

export interface AskedChanges extends SubscribeRequest {
  readonly format: FeedFormat;
}

/** @throws {ProblemError} invalid-parameter. */
export function askedChangesOf({ query: given, headers, raw }: FastifyRequest): AskedChanges {
  const { unsettled, ...single } = given as Readonly<Record<string, unknown>>;
  const query = readQuery(single, PARAMETERS);
  const format = /\btext\/event-stream\b/i.test(headers.accept ?? "") ? "events" : "lines";
  const { collection, key, prefix, after } = query;
  if (collection === undefined) throw invalid("collection", "collection says whose changes");
  const lastId = headers["last-event-id"];
  return {
    tenant: identityOf(raw).tenant,
    id: CHANGES_ID,
    collection,
    key,
    prefix,
    cursor: typeof lastId === "string" ? lastId : after,
    withPending: booleanOf(query, "pending") ?? false,
    isPage: !(booleanOf(query, "follow") ?? format === "events"),
    recordsMax: wholeNumberBetween(query, "limit", LIMIT) ?? LIMIT_DEFAULT,
    unsettled: keysOf(unsettled),
    format,
  };
}

function keysOf(unsettled: unknown): readonly string[] | undefined {
  if (unsettled === undefined) return undefined;
  const lists = (Array.isArray(unsettled) ? unsettled : [unsettled]) as readonly string[];
  const keys = lists.flatMap((list) => list.split(",")).filter((text) => text !== "");
  if (keys.length > UNSETTLED_KEYS_MAX) {
    const right = `unsettled has at most ${UNSETTLED_KEYS_MAX} keys: with more, begin anew without a cursor`;
    throw invalid("unsettled", right);
  }
  return keys.map(decodedKey);
}

function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("unsettled", "unsettled has keys that are percent-encoded, separated by commas");
  }
}

function booleanOf(query: Query, name: string): boolean | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (value !== "true" && value !== "false") throw invalid(name, `${name} is true or false`);
  return value === "true";
}

function invalid(field: string, detail: string): ProblemError {
  return new ProblemError("invalid-parameter", detail, { field });
}
