/** Routes of escrows: who may take how much of a record, and the way back for what a lost region held. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { isObject } from "../../../core/json.ts";
import { RecordEscrowsAnswer, WriteAnswer } from "../../../protocol/http/answers.ts";
import { REGION_NAME_PATTERN, SESSION_HEADER } from "../../../protocol/http/headers.ts";
import { ReclaimBody } from "../../../protocol/http/write-body.ts";
import { recordEscrowsAnswer } from "../answers.ts";
import { ActorHeaders, audited, writeEnding } from "../audited.ts";
import { answerChange } from "../change-answer.ts";
import {
  ChangeAnswerHeaders,
  ChangeHeaders,
  ORDERED_PROBLEMS,
  READ_PROBLEMS,
  RECORD_URL,
  RecordParams,
  RequestHeaders,
  SessionAnswerHeader,
  type RecordNames,
} from "../documents.ts";
import { readJsonBody } from "../json-body.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { changeContextOf, requestContextOf, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { recordResult } from "../results.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const REGION_NAME = new RegExp(REGION_NAME_PATTERN);

export function addEscrowRoutes(app: FastifyInstance, context: RouteContext): void {
  addRead(app, context);
  addReclaim(app, context);
}

const readDocument: RouteDocument = {
  operationId: "readEscrows",
  summary: "Read who may take how much of a record's escrows",
  description:
    "The rights are the committed ones, the same in every region as far as it has folded the log; `left` is what this region's next write finds.",
  tag: "escrows",
  params: RecordParams,
  headers: Type.Object(RequestHeaders),
  answers: {
    200: {
      description: "The record's escrows, those that anything was ever given to.",
      body: RecordEscrowsAnswer,
      headers: { "Forebay-Session": SessionAnswerHeader },
    },
  },
  problems: [...READ_PROBLEMS, "invalid-key", "unknown-collection", "record-not-found"],
};

function addRead(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<RecordNames>(app, context, {
    method: "GET",
    url: `${RECORD_URL}/escrows`,
    document: readDocument,
    access: { action: "read", of: "collection" },
    kind: "read",
    async handle({ headers, raw, params, query }, reply) {
      readQuery(query, []);
      const { collection, key } = params;
      const report = await gateway.readEscrows({
        ...requestContextOf({ headers, raw }, context),
        collection,
        key,
      });
      const session = sessionTokens.encode(report.session);
      reply.header(SESSION_HEADER, session);
      return JSON.stringify(recordEscrowsAnswer(report, session));
    },
  });
}

const reclaimDocument: RouteDocument = {
  operationId: "reclaimRights",
  summary: "Hand a lost region's rights to a record's escrows over to this one",
  description:
    "The log decides, and refuses while the region has spoken within the last 10 s. The bounds hold also when it returns: what it has taken meanwhile is ordered after, finds no rights, and is superseded, although its clients were told that it was accepted.",
  tag: "escrows",
  params: RecordParams,
  headers: Type.Object({ ...ChangeHeaders, ...ActorHeaders }),
  body: ReclaimBody,
  answers: {
    200: {
      description: "This region has the rights. `result.fields` has the amounts.",
      body: WriteAnswer,
      headers: ChangeAnswerHeaders,
    },
  },
  problems: [
    ...ORDERED_PROBLEMS,
    "invalid-key",
    "unknown-collection",
    "deleted",
    "region-alive",
    "record-missing",
    "schema-changed",
  ],
};

function addReclaim(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<RecordNames>(app, context, {
    method: "POST",
    url: `${RECORD_URL}/reclaim`,
    document: reclaimDocument,
    access: { action: "admin", of: "collection" },
    kind: "decided",
    async handle({ headers, raw, params, query, body }, reply) {
      readQuery(query, []);
      versionOf(headers, []);
      const { collection, key } = params;
      const lostRegion = lostRegionOf(readJsonBody(headers, body));
      const request = { ...changeContextOf({ headers, raw }, context), collection, key, lostRegion };
      const { deadlineMs } = request;
      const about = { collection, key, region: lostRegion };
      const act = { action: "escrow-reclaim", about, deadlineMs, ended: writeEnding } as const;
      const result = await audited(context, { ...act, request: { headers, raw } }, () =>
        gateway.reclaim(request),
      );
      return answerChange(reply, result, { sessionTokens, showResult: recordResult });
    },
  });
}

/**
 * @param body `{"region":…}`.
 * @throws {ProblemError} malformed-body.
 */
function lostRegionOf(body: unknown): string {
  const isShaped = isObject(body) && Object.keys(body).join() === "region";
  if (!isShaped)
    throw new ProblemError("malformed-body", 'the body has "region", the one that is lost, alone');
  const { region } = body;
  if (typeof region === "string" && REGION_NAME.test(region)) return region;
  throw new ProblemError("malformed-body", "region is the name of a region: a-z, 0-9 and hyphens", {
    field: "region",
  });
}
