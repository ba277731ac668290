/** Routes of the conflict log: list what lost, write a loser again. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { LOSS_REASONS } from "../../../core/fields/kind.ts";
import { FIELD_NAME_PATTERN } from "../../../core/schema.ts";
import { ConflictListAnswer } from "../../../protocol/http/conflicts.ts";
import { API_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import { conflictListAnswer } from "../answers.ts";
import { checkMay } from "../access.ts";
import { ActorHeaders, audited, writeEnding } from "../audited.ts";
import { answerWrite } from "../change-answer.ts";
import { conflictFilterOf } from "../conflict-query.ts";
import { decodeConflictCursor } from "../cursor.ts";
import {
  ChangeHeaders,
  CollectionName,
  DeadlineRequestHeader,
  ORDERED_PROBLEMS,
  PreferRequestHeader,
  WRITE_ANSWERS,
  WRITE_PROBLEMS,
} from "../documents.ts";
import { identityOf } from "../identity.ts";
import { refuseBody } from "../json-body.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { changeContextOf, deadlineMsOf, prefersCommitted, versionOf } from "../request-headers.ts";
import { limitOf, readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const CONFLICTS_URL = `${API_PREFIX}/conflicts`;
const PARAMETERS = ["collection", "key", "field", "reason", "region", "limit", "cursor"] as const;

export function addConflictRoutes(app: FastifyInstance, context: RouteContext): void {
  addList(app, context);
  addRestore(app, context);
}

const listDocument: RouteDocument = {
  operationId: "listConflicts",
  summary: "List changes that lost, newest first",
  description:
    "Every change that lost to a concurrent or a newer write, to a limit, or to the record's deletion, with both values. They are the same in every region, as far as it has folded the log, and are kept for 30 days unless the region is configured otherwise. Without `collection` it takes the scope `read:`.",
  tag: "conflicts",
  query: Type.Object({
    collection: Type.Optional(CollectionName),
    key: Type.Optional(Type.String({ description: "Goes with `collection`." })),
    field: Type.Optional(Type.String({ pattern: FIELD_NAME_PATTERN })),
    reason: Type.Optional(Type.Enum([...LOSS_REASONS])),
    region: Type.Optional(Type.String({ description: "The region that the loser came through." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
  }),
  headers: Type.Object({ "Forebay-Deadline-Ms": DeadlineRequestHeader }),
  answers: { 200: { description: "A page of conflicts.", body: ConflictListAnswer } },
  problems: [
    "invalid-cursor",
    "invalid-key",
    "invalid-deadline",
    "bootstrapping",
    "store-unavailable",
    "starting",
  ],
};

function addList(app: FastifyInstance, { gateway, ...context }: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: CONFLICTS_URL,
    document: listDocument,
    access: { action: "read" },
    async handle({ headers, raw, query: given }) {
      const query = readQuery(given, PARAMETERS);
      const { cursor } = query;
      const filter = conflictFilterOf(query);
      checkMay(raw, "read", filter.collection ?? "");
      const page = await gateway.conflicts({
        ...filter,
        tenant: identityOf(raw).tenant,
        deadlineMs: deadlineMsOf(headers),
        limit: limitOf(query),
        before: cursor === undefined ? undefined : decodeConflictCursor(cursor),
      });
      return JSON.stringify(conflictListAnswer(page));
    },
  });
}

const restoreDocument: RouteDocument = {
  operationId: "restoreConflict",
  summary: "Write the loser of a conflict again",
  description:
    "A new write to the record with the loser's operator and value, answered like one: it takes the way that the field's class asks for, and can lose as any write can. Sent twice without an Idempotency-Key it is written twice.",
  tag: "conflicts",
  params: Type.Object({ conflict: Type.String({ description: "The conflict's id." }) }),
  headers: Type.Object({ ...ChangeHeaders, ...ActorHeaders, Prefer: PreferRequestHeader }),
  answers: WRITE_ANSWERS,
  problems: [
    ...BODY_PROBLEMS,
    ...ORDERED_PROBLEMS,
    ...WRITE_PROBLEMS,
    "conflict-not-found",
    "conflict-not-restorable",
  ],
};

function addRestore(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<{ readonly conflict: string }>(app, context, {
    method: "POST",
    url: `${CONFLICTS_URL}/:conflict/restore`,
    document: restoreDocument,
    access: { action: "write" },
    async handle({ headers, raw, params, query, body }, reply) {
      readQuery(query, []);
      versionOf(headers, []);
      refuseBody(headers, body);
      const waitCommitted = prefersCommitted(headers);
      const change = changeContextOf({ headers, raw }, context);
      const { deadlineMs } = change;
      const about = { conflict: params.conflict };
      const act = { action: "conflict-restore", about, deadlineMs, ended: writeEnding } as const;
      const result = await gateway.restoreConflict({
        ...change,
        id: params.conflict,
        waitCommitted,
        checkMayWrite: (collection) => checkMay(raw, "write", collection),
        // It is an act once it is known what is written, and that it may be: the trail is not for guesses at ids.
        around: (write) => audited(context, { ...act, request: { headers, raw } }, write),
      });
      return answerWrite(reply, result, { sessionTokens, waitCommitted });
    },
  });
}
