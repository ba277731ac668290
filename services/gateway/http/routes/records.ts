/** Routes that read records: one, or a listing. `record-writes.ts` has those that change them. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { RecordAnswer, RecordListAnswer } from "../../../protocol/http/answers.ts";
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, SESSION_HEADER } from "../../../protocol/http/headers.ts";
import { recordAnswer, recordListAnswer } from "../answers.ts";
import { decodeCursor, decodeFieldCursor } from "../cursor.ts";
import {
  CollectionName,
  ConsistencyParameters,
  ETagAnswerHeader,
  READ_PROBLEMS,
  RECORD_URL,
  RecordParams,
  RECORDS_URL,
  RequestHeaders,
  SessionAnswerHeader,
  type RecordNames,
} from "../documents.ts";
import { WHERE_LENGTH_MAX, type Asked } from "../../../core/listing/where.ts";
import type { ListRequest } from "../../gateway.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { isHeldBy, requestContextOf } from "../request-headers.ts";
import { consistencyOf, limitOf, prefixOf, readQuery, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

export function addRecordRoutes(app: FastifyInstance, context: RouteContext): void {
  addRead(app, context);
  addList(app, context);
}

const readDocument: RouteDocument = {
  operationId: "readRecord",
  summary: "Read a record",
  description:
    "This region's view: what the log has committed, with the region's own pending writes over it. With consistency=linearizable: what the log has committed.",
  tag: "records",
  params: RecordParams,
  query: Type.Object(ConsistencyParameters),
  headers: Type.Object({
    ...RequestHeaders,
    "If-None-Match": Type.Optional(Type.String({ description: "ETags that the client holds." })),
  }),
  answers: {
    200: {
      description: "The record.",
      body: RecordAnswer,
      headers: { ETag: ETagAnswerHeader, "Forebay-Session": SessionAnswerHeader },
    },
    304: {
      description: "The client holds this version.",
      headers: { ETag: ETagAnswerHeader, "Forebay-Session": SessionAnswerHeader },
    },
  },
  problems: [
    ...READ_PROBLEMS,
    "invalid-key",
    "unknown-collection",
    "record-not-found",
    "record-deleted",
    "too-much-pending",
    "too-stale",
  ],
};

function addRead(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<RecordNames>(app, context, {
    method: "GET",
    url: RECORD_URL,
    document: readDocument,
    access: { action: "read", of: "collection" },
    kind: "read",
    async handle({ headers, raw, params, query }, reply) {
      const result = await gateway.read({
        ...requestContextOf({ headers, raw }, context),
        ...consistencyOf(readQuery(query, ["consistency", "max_staleness_ms"])),
        collection: params.collection,
        key: params.key,
      });
      const session = sessionTokens.encode(result.session);
      // The tag stands for the record's view: `as_of` and `session` may differ under the same tag.
      const etag = `"${result.version}"`;
      reply.header("etag", etag).header(SESSION_HEADER, session);
      if (!isHeldBy(headers, etag)) return JSON.stringify(recordAnswer(result, session));
      reply.code(304);
      return "";
    },
  });
}

const listDocument: RouteDocument = {
  operationId: "listRecords",
  summary: "List records by the bytes of their keys, or by an indexed field",
  description:
    "With where or order: the records that have a value in an indexed field, in the order of its values, committed and pending; texts by their first 256 characters, equal values by the bytes of the keys.",
  tag: "records",
  params: Type.Object({ collection: CollectionName }),
  query: Type.Object({
    prefix: Type.Optional(Type.String({ description: "Only keys that begin with it." })),
    where: Type.Optional(
      Type.String({
        maxLength: WHERE_LENGTH_MAX,
        description:
          'Conditions on one indexed field, with commas between them: `status:eq:paid`, `age:gte:18,age:lt:65`. Operators eq, gt, gte, lt, lte; a text with a comma is written as a JSON text: `name:eq:"a, b"`.',
      }),
    ),
    order: Type.Optional(
      Type.String({
        description: "An indexed field, the one of `where`: `age`, or `-age` for falling values.",
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
    ...ConsistencyParameters,
  }),
  headers: Type.Object(RequestHeaders),
  answers: {
    200: {
      description: "A page of records.",
      body: RecordListAnswer,
      headers: { "Forebay-Session": SessionAnswerHeader },
    },
  },
  problems: [
    ...READ_PROBLEMS,
    "invalid-parameter",
    "invalid-cursor",
    "unknown-collection",
    "unknown-field",
    "not-indexed",
    "index-building",
    "too-much-pending",
    "too-stale",
  ],
};

function addList(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<{ readonly collection: string }>(app, context, {
    method: "GET",
    url: RECORDS_URL,
    document: listDocument,
    access: { action: "read", of: "collection" },
    kind: "read",
    async handle({ headers, raw, params, query: given }, reply) {
      const query = readQuery(given, LIST_PARAMETERS);
      const prefix = prefixOf(query);
      const result = await gateway.list({
        ...requestContextOf({ headers, raw }, context),
        ...consistencyOf(query),
        collection: params.collection,
        prefix,
        limit: limitOf(query),
        ...byOf(query),
      });
      const session = sessionTokens.encode(result.session);
      reply.header(SESSION_HEADER, session);
      return JSON.stringify(recordListAnswer(result, session, askedOf(query)));
    },
  });
}

const LIST_PARAMETERS = [
  "prefix",
  "where",
  "order",
  "limit",
  "cursor",
  "consistency",
  "max_staleness_ms",
] as const;

function askedOf({ where, order }: Query): Asked | undefined {
  return where === undefined && order === undefined ? undefined : { where, order };
}

/** Where the listing goes on. @throws {ProblemError} invalid-cursor, invalid-parameter. */
function byOf(query: Query): Pick<ListRequest, "after" | "by"> {
  const { cursor, prefix = "" } = query;
  const asked = askedOf(query);
  if (asked === undefined) return { after: cursor === undefined ? undefined : decodeCursor(cursor, prefix) };
  if (prefix !== "") {
    const detail = "prefix goes with a listing by keys: where and order go by the values of a field";
    throw new ProblemError("invalid-parameter", detail, { field: "prefix" });
  }
  const after = cursor === undefined ? undefined : decodeFieldCursor(cursor, asked);
  return { after: undefined, by: { ...asked, after } };
}
