/** Routes of records: write, read, list. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { RecordAnswer, RecordListAnswer, WriteAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import { WriteBody } from "../../../protocol/http/write-body.ts";
import { encodeSession } from "../../../protocol/session-token.ts";
import { recordAnswer, recordListAnswer, STATUS_OF_RECEIPT, writeAnswerText } from "../answers.ts";
import { decodeCursor } from "../cursor.ts";
import {
  CollectionName,
  ConsistencyParameter,
  DeadlineRequestHeader,
  ETagAnswerHeader,
  IdempotencyKeyRequestHeader,
  RecordParams,
  SessionAnswerHeader,
  SessionRequestHeader,
} from "../documents.ts";
import { readJsonBody } from "../json-body.ts";
import type { RouteDocument } from "../openapi.ts";
import {
  deadlineMsOf,
  idempotencyKeyOf,
  isHeldBy,
  prefersCommitted,
  refuseConditions,
  sessionOf,
} from "../request-headers.ts";
import { consistencyOf, limitOf, prefixOf, readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const LIST_URL = `${API_PREFIX}/collections/:collection/records`;
const RECORD_URL = `${LIST_URL}/:key`;

interface RecordNames {
  readonly collection: string;
  readonly key: string;
}

export function addRecordRoutes(app: FastifyInstance, context: RouteContext): void {
  addWrite(app, context);
  addRead(app, context);
  addList(app, context);
}

const writeDocument: RouteDocument = {
  operationId: "writeRecord",
  summary: "Write to a record",
  description:
    "Takes operators on the record's fields and makes the record if there is none. Answers once the write is durable in this region.",
  tag: "records",
  params: RecordParams,
  headers: Type.Object({
    "Idempotency-Key": IdempotencyKeyRequestHeader,
    "Forebay-Session": SessionRequestHeader,
    "Forebay-Deadline-Ms": DeadlineRequestHeader,
    Prefer: Type.Optional(
      Type.String({
        description:
          "`wait=committed`: answer once the log has ordered the write, if that is within the deadline.",
      }),
    ),
    "If-Match": Type.Optional(Type.String({ description: "Refused: a region alone can't decide it." })),
  }),
  body: WriteBody,
  answers: {
    200: {
      description: "The log has ordered the write: committed or superseded.",
      body: WriteAnswer,
      headers: writeHeaders(),
    },
    202: {
      description: "The write is durable in this region and is on its way to the others.",
      body: WriteAnswer,
      headers: writeHeaders(),
    },
  },
  problems: [
    "invalid-key",
    "invalid-session",
    "invalid-idempotency-key",
    "invalid-deadline",
    "unknown-collection",
    "unknown-operator",
    "unknown-field",
    "wrong-operator",
    "wrong-type",
    "unstorable-value",
    "empty-write",
    "too-many-changes",
    "condition-on-local-write",
    "idempotency-key-reused",
    "overloaded",
    "wal-full",
    "store-unavailable",
    "starting",
    "outcome-unknown",
  ],
};

function writeHeaders() {
  return {
    "Forebay-Session": SessionAnswerHeader,
    "Idempotency-Replayed": Type.Literal("true", {
      description: "Present when this is the answer to an earlier try of the same request.",
    }),
    "Preference-Applied": Type.Literal("wait=committed", {
      description: "Present when the wait was honoured.",
    }),
  };
}

function addWrite(app: FastifyInstance, context: RouteContext): void {
  const { gateway, tenant, sessionSecret } = context;
  addRoute<RecordNames>(app, context, {
    method: "PATCH",
    url: RECORD_URL,
    document: writeDocument,
    async handle({ headers, params, query, body }, reply) {
      readQuery(query, []);
      refuseConditions(headers);
      const waitCommitted = prefersCommitted(headers);
      const result = await gateway.write({
        tenant,
        collection: params.collection,
        key: params.key,
        session: sessionOf(headers, sessionSecret),
        deadlineMs: deadlineMsOf(headers),
        idempotencyKey: idempotencyKeyOf(headers),
        body: readJsonBody(headers, body),
        waitCommitted,
      });
      const session = encodeSession(result.session, sessionSecret);
      if (result.isReplayed) reply.header("idempotency-replayed", "true");
      if (waitCommitted && result.status !== "accepted") reply.header("preference-applied", "wait=committed");
      reply.code(STATUS_OF_RECEIPT[result.status]).header("forebay-session", session);
      return writeAnswerText(result, session);
    },
  });
}

const readDocument: RouteDocument = {
  operationId: "readRecord",
  summary: "Read a record",
  description:
    "This region's view: what the log has committed, with the region's own pending writes over it.",
  tag: "records",
  params: RecordParams,
  query: Type.Object({
    consistency: ConsistencyParameter,
    max_staleness_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: "Goes with consistency=bounded, which this version refuses." }),
    ),
  }),
  headers: Type.Object({
    "Forebay-Session": SessionRequestHeader,
    "Forebay-Deadline-Ms": DeadlineRequestHeader,
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
    "invalid-key",
    "invalid-session",
    "invalid-deadline",
    "consistency-not-available",
    "unknown-collection",
    "record-not-found",
    "session-behind",
    "store-unavailable",
    "starting",
  ],
};

function addRead(app: FastifyInstance, context: RouteContext): void {
  const { gateway, tenant, sessionSecret } = context;
  addRoute<RecordNames>(app, context, {
    method: "GET",
    url: RECORD_URL,
    document: readDocument,
    async handle({ headers, params, query: given }, reply) {
      const query = readQuery(given, ["consistency", "max_staleness_ms"]);
      const result = await gateway.read({
        tenant,
        collection: params.collection,
        key: params.key,
        consistency: consistencyOf(query),
        session: sessionOf(headers, sessionSecret),
        deadlineMs: deadlineMsOf(headers),
      });
      const session = encodeSession(result.session, sessionSecret);
      // The tag stands for the record's view: `as_of` and `session` may differ under the same tag.
      const etag = `"${result.version}"`;
      reply.header("etag", etag).header("forebay-session", session);
      if (!isHeldBy(headers, etag)) return JSON.stringify(recordAnswer(result, session));
      reply.code(304);
      return "";
    },
  });
}

const listDocument: RouteDocument = {
  operationId: "listRecords",
  summary: "List records by the bytes of their keys",
  tag: "records",
  params: Type.Object({ collection: CollectionName }),
  query: Type.Object({
    prefix: Type.Optional(Type.String({ description: "Only keys that begin with it." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
    consistency: ConsistencyParameter,
  }),
  headers: Type.Object({
    "Forebay-Session": SessionRequestHeader,
    "Forebay-Deadline-Ms": DeadlineRequestHeader,
  }),
  answers: {
    200: {
      description: "A page of records.",
      body: RecordListAnswer,
      headers: { "Forebay-Session": SessionAnswerHeader },
    },
  },
  problems: [
    "invalid-cursor",
    "invalid-session",
    "invalid-deadline",
    "consistency-not-available",
    "unknown-collection",
    "session-behind",
    "store-unavailable",
    "starting",
  ],
};

function addList(app: FastifyInstance, context: RouteContext): void {
  const { gateway, tenant, sessionSecret } = context;
  addRoute<{ readonly collection: string }>(app, context, {
    method: "GET",
    url: LIST_URL,
    document: listDocument,
    async handle({ headers, params, query: given }, reply) {
      const query = readQuery(given, ["prefix", "limit", "cursor", "consistency"]);
      const prefix = prefixOf(query);
      const result = await gateway.list({
        tenant,
        collection: params.collection,
        prefix,
        limit: limitOf(query),
        after: query["cursor"] === undefined ? undefined : decodeCursor(query["cursor"], prefix),
        consistency: consistencyOf(query),
        session: sessionOf(headers, sessionSecret),
        deadlineMs: deadlineMsOf(headers),
      });
      const session = encodeSession(result.session, sessionSecret);
      reply.header("forebay-session", session);
      return JSON.stringify(recordListAnswer(result, session));
    },
  });
}
