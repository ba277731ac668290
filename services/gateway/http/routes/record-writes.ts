/** Routes that change one record: write, delete, restore. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { WriteAnswer } from "../../../protocol/http/answers.ts";
import { WriteBody } from "../../../protocol/http/write-body.ts";
import type { LifeRequest, WriteResult } from "../../gateway.ts";
import { answerChange, answerWrite } from "../change-answer.ts";
import {
  ChangeAnswerHeaders,
  ChangeHeaders,
  IfMatchRequestHeader,
  ORDERED_PROBLEMS,
  PreferRequestHeader,
  RECORD_URL,
  RecordParams,
  WRITE_ANSWERS,
  WRITE_PROBLEMS,
  type RecordNames,
} from "../documents.ts";
import { readJsonBody, refuseBody } from "../json-body.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { changeContextOf, prefersCommitted, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { recordResult } from "../results.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

export function addRecordWriteRoutes(app: FastifyInstance, context: RouteContext): void {
  addWrite(app, context);
  addLife(app, context, {
    method: "DELETE",
    url: RECORD_URL,
    document: removeDocument,
    change: (request) => context.gateway.remove(request),
  });
  addLife(app, context, {
    method: "POST",
    url: `${RECORD_URL}/restore`,
    document: restoreDocument,
    change: (request) => context.gateway.restore(request),
  });
}

const writeDocument: RouteDocument = {
  operationId: "writeRecord",
  summary: "Write to a record",
  description:
    "Takes operators on the record's fields and makes the record if there is none. A write of lww and merge fields is answered once it is durable in this region. One that touches an authoritative field, or has `authoritative`, is answered once the log has decided on it; only such a write takes conditions: `if`, `fence`, If-Match, If-None-Match. What it takes from an escrow, this region must hold the rights to: else it is refused as a whole, with what is left, and other regions are asked for theirs.",
  tag: "records",
  params: RecordParams,
  headers: Type.Object({
    ...ChangeHeaders,
    Prefer: PreferRequestHeader,
    "If-Match": IfMatchRequestHeader,
    "If-None-Match": Type.Optional(Type.Literal("*", { description: "There must be no such record." })),
  }),
  body: WriteBody,
  answers: WRITE_ANSWERS,
  problems: [
    ...ORDERED_PROBLEMS,
    ...WRITE_PROBLEMS,
    "invalid-key",
    "unknown-operator",
    "unknown-field",
    "wrong-operator",
    "wrong-type",
    "deprecated-field",
    "unstorable-value",
    "empty-write",
    "too-many-changes",
    "condition-on-local-write",
    "take-is-local",
    "across-partitions",
    "precondition-failed",
    "stale-fence",
  ],
};

function addWrite(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<RecordNames>(app, context, {
    method: "PATCH",
    url: RECORD_URL,
    document: writeDocument,
    access: { action: "write", of: "collection" },
    kind: "local",
    async handle({ headers, params, query, body, raw }, reply, asked) {
      readQuery(query, []);
      const waitCommitted = prefersCommitted(headers);
      const result = await gateway.write({
        ...changeContextOf({ headers, raw }, context),
        collection: params.collection,
        key: params.key,
        version: versionOf(headers, ["if-match", "if-none-match"]),
        body: readJsonBody(headers, body),
        waitCommitted,
        onOrdered: () => (asked.kind = "decided"),
      });
      return answerWrite(reply, result, { sessionTokens, waitCommitted });
    },
  });
}

const LIFE_HEADERS = Type.Object({ ...ChangeHeaders, "If-Match": IfMatchRequestHeader });
const NO_FENCE = "Takes no fence; a transaction with this one write does.";

const removeDocument: RouteDocument = {
  operationId: "deleteRecord",
  summary: "Delete a record",
  description: `The log decides. From then on the record takes no writes, wherever they come from, until it is restored. ${NO_FENCE}`,
  tag: "records",
  params: RecordParams,
  headers: LIFE_HEADERS,
  answers: {
    200: { description: "The record is deleted.", body: WriteAnswer, headers: ChangeAnswerHeaders },
  },
  problems: [
    ...BODY_PROBLEMS,
    ...ORDERED_PROBLEMS,
    "invalid-key",
    "unknown-collection",
    "precondition-failed",
    "deleted",
    "record-missing",
    "schema-changed",
  ],
};

const restoreDocument: RouteDocument = {
  operationId: "restoreRecord",
  summary: "Restore a deleted record",
  description: `The log decides. The record comes back as it was, unless another has one of its unique values by now. ${NO_FENCE}`,
  tag: "records",
  params: RecordParams,
  headers: LIFE_HEADERS,
  answers: {
    200: { description: "The record is back.", body: WriteAnswer, headers: ChangeAnswerHeaders },
  },
  problems: [
    ...BODY_PROBLEMS,
    ...ORDERED_PROBLEMS,
    "invalid-key",
    "unknown-collection",
    "precondition-failed",
    "not-unique",
    "not-deleted",
    "record-missing",
    "schema-changed",
  ],
};

/** A delete or a restore: a request without a body that the log decides. */
function addLife(
  app: FastifyInstance,
  context: RouteContext,
  route: {
    readonly method: "DELETE" | "POST";
    readonly url: string;
    readonly document: RouteDocument;
    readonly change: (request: LifeRequest) => Promise<WriteResult>;
  },
): void {
  const { method, url, document, change } = route;
  addRoute<RecordNames>(app, context, {
    method,
    url,
    document,
    access: { action: "write", of: "collection" },
    kind: "decided",
    async handle({ headers, raw, params, query, body }, reply) {
      readQuery(query, []);
      refuseBody(headers, body);
      const result = await change({
        ...changeContextOf({ headers, raw }, context),
        collection: params.collection,
        key: params.key,
        version: versionOf(headers, ["if-match"]),
      });
      return answerChange(reply, result, { sessionTokens: context.sessionTokens, showResult: recordResult });
    },
  });
}
