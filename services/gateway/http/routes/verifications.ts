/** Routes for operators who look whether the regions hold the same, and set right what differs. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { checkKey } from "../../../core/accept/key.ts";
import { isStorableText } from "../../../core/json.ts";
import { API_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import type { ProblemCode } from "../../../protocol/http/problems.ts";
import {
  RepairBody,
  RepairListAnswer,
  RepairReportAnswer,
  VerificationAnswer,
  VerificationListAnswer,
  VerifyBody,
} from "../../../protocol/http/verifications.ts";
import { REPAIR_REASON_LENGTH_MAX } from "../../../protocol/repair-codec.ts";
import type { RepairReport } from "../../../ports/reconciliation.ts";
import type { Ending } from "../../../runtime/auditor.ts";
import { audited, OrderHeaders } from "../audited.ts";
import { checkCollectionName } from "../conflict-query.ts";
import { decodeConflictCursor } from "../cursor.ts";
import { CollectionName, DeadlineRequestHeader } from "../documents.ts";
import { identityOf } from "../identity.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { deadlineMsOf } from "../request-headers.ts";
import { limitOf, readQuery, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";
import {
  repairListAnswer,
  repairReportAnswer,
  verificationAnswer,
  verificationSummary,
} from "../verification-answers.ts";

const VERIFICATIONS_URL = `${API_PREFIX}/verifications`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PARAMETERS = ["collection", "key", "repair", "limit", "cursor"] as const;
/** Looking waits like other reads; orders don't. */
const READING: readonly ProblemCode[] = ["overloaded", "memory-short", "starting"];

const verifyBodies = Compile(VerifyBody);
const repairBodies = Compile(RepairBody);

const VerificationParams = Type.Object({ verification: Type.String({ format: "uuid" }) });
const LimitParameter = Type.Optional(
  Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT }),
);

export function addVerificationRoutes(app: FastifyInstance, context: RouteContext): void {
  addVerify(app, context);
  addList(app, context);
  addRead(app, context);
  addRepair(app, context);
  addRepairs(app, context);
}

const verifyDocument: RouteDocument = {
  operationId: "verify",
  summary: "Begin to compare what all regions hold",
  description:
    "All regions look at their own rows at the same position of the log, while writes go on. One that is under way here is not begun again. The process that has begun it tells how far it is; once it is over, every process of the region does.",
  tag: "verification",
  headers: OrderHeaders,
  body: VerifyBody,
  answers: { 202: { description: "By partition, those that are under way.", body: VerificationListAnswer } },
  problems: ["reconciler-unavailable", "not-supported-yet", "store-unavailable", "no-quorum", "starting"],
};

function addVerify(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: `${API_PREFIX}/verify`,
    document: verifyDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }, reply) {
      readQuery(query, []);
      const right = 'the body is {}, or {"partition":0}';
      const { partition } = readShapedBody<VerifyBody>({ headers, body }, verifyBodies, right);
      const reconciling = context.gateway.reconciling();
      const act = { request: { headers, raw }, action: "verify", about: { partition } } as const;
      const begun = await audited(context, act, () => reconciling.verify(partition));
      reply.code(202);
      return JSON.stringify({ verifications: begun.map(verificationSummary) });
    },
  });
}

const listDocument: RouteDocument = {
  operationId: "listVerifications",
  summary: "List the last verifications, newest first",
  description: "Those that this region has run, in any of its processes, without the records that differ.",
  tag: "verification",
  query: Type.Object({ limit: LimitParameter }),
  answers: { 200: { description: "The last ones.", body: VerificationListAnswer } },
  problems: [...READING, "reconciler-unavailable", "store-unavailable"],
};

function addList(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: VERIFICATIONS_URL,
    document: listDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      const limit = limitOf(readQuery(query, ["limit"]));
      const found = await context.gateway.reconciling().verifications({ limit });
      return JSON.stringify({ verifications: found.map(verificationSummary) });
    },
  });
}

const readDocument: RouteDocument = {
  operationId: "readVerification",
  summary: "Ask how far a verification is, and what it has found",
  tag: "verification",
  params: VerificationParams,
  answers: {
    200: { description: "The verification, with the first records that differ.", body: VerificationAnswer },
  },
  problems: [...READING, "verification-not-found", "reconciler-unavailable", "store-unavailable"],
};

function addRead(app: FastifyInstance, context: RouteContext): void {
  addRoute<{ readonly verification: string }>(app, context, {
    method: "GET",
    url: `${VERIFICATIONS_URL}/:verification`,
    document: readDocument,
    access: { action: "cluster" },
    async handle({ params, query }) {
      readQuery(query, []);
      const id = uuidOf(params.verification, "verification");
      return JSON.stringify(verificationAnswer(await context.gateway.reconciling().verification(id)));
    },
  });
}

const repairDocument: RouteDocument = {
  operationId: "repair",
  summary: "Set right what a verification has found to differ, or say what that would be",
  description:
    "An entry of the log sets the records to what is proven, in every region at the same position, unless they have changed since: no newer write is overwritten. What each region has changed is kept, before and after. A new verification tells whether anything is left.",
  tag: "verification",
  params: VerificationParams,
  headers: OrderHeaders,
  body: RepairBody,
  answers: { 200: { description: "What was, or would be, done.", body: RepairReportAnswer } },
  problems: [
    "verification-not-found",
    "not-diverged",
    "verification-outdated",
    "unknown-region",
    "region-not-compared",
    "reconciler-unavailable",
    "not-supported-yet",
    "store-unavailable",
    "no-quorum",
    "outcome-unknown",
    "starting",
  ],
};

function addRepair(app: FastifyInstance, context: RouteContext): void {
  addRoute<{ readonly verification: string }>(app, context, {
    method: "POST",
    url: `${VERIFICATIONS_URL}/:verification/repair`,
    document: repairDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, params, query, body }) {
      readQuery(query, []);
      const verification = uuidOf(params.verification, "verification");
      const given = readShapedBody<RepairBody>(
        { headers, body },
        repairBodies,
        `the body has "reason", a text of 1 to ${REPAIR_REASON_LENGTH_MAX} characters, and may have "dry_run" and "preferred", the name of a region`,
      );
      const { dry_run: isDryRun = true, preferred } = given;
      const request = { verification, isDryRun, preferred, reason: reasonOf(given) };
      const reconciling = context.gateway.reconciling();
      const about = { verification, preferred, reason: request.reason };
      const act = { request: { headers, raw }, action: "repair", about, ended: repairEnding } as const;
      const repair = () => reconciling.repair(request);
      const report = await (isDryRun ? repair() : audited(context, act, repair));
      return JSON.stringify(repairReportAnswer(report, { isDryRun }));
    },
  });
}

function repairEnding({ id, records, undecided }: RepairReport): Ending {
  return { outcome: "done", about: { repair: id, records, undecided: undecided.length } };
}

/** @throws {ProblemError} malformed-body. */
function reasonOf({ reason }: RepairBody): string {
  if (reason.trim() !== "" && isStorableText(reason)) return reason;
  throw new ProblemError(
    "malformed-body",
    "reason says why, without a NUL character or half a surrogate pair",
    { field: "reason" },
  );
}

const repairsDocument: RouteDocument = {
  operationId: "listRepairs",
  summary: "List the rows of this region that repairs have changed, newest first",
  description: "Other regions have changed others, at the same positions. They are kept for good.",
  tag: "verification",
  query: Type.Object({
    collection: Type.Optional(CollectionName),
    key: Type.Optional(Type.String({ description: "Goes with `collection`." })),
    repair: Type.Optional(Type.String({ format: "uuid", description: "Of one repair, by its id." })),
    limit: LimitParameter,
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
  }),
  headers: Type.Object({ "Forebay-Deadline-Ms": DeadlineRequestHeader }),
  answers: {
    200: {
      description: "A page of them; shorter than asked for where rows are large.",
      body: RepairListAnswer,
    },
  },
  problems: [...READING, "invalid-cursor", "invalid-key", "invalid-deadline", "store-unavailable"],
};

function addRepairs(app: FastifyInstance, { gateway, ...context }: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: `${API_PREFIX}/repairs`,
    document: repairsDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query: given }) {
      const query = readQuery(given, PARAMETERS);
      const { cursor, repair } = query;
      const page = await gateway.reconciling().repairs({
        ...recordOf(query, identityOf(raw).tenant),
        repair: repair === undefined ? undefined : uuidOf(repair, "repair"),
        limit: limitOf(query),
        before: cursor === undefined ? undefined : decodeConflictCursor(cursor),
        deadlineMs: deadlineMsOf(headers),
      });
      return JSON.stringify(repairListAnswer(page));
    },
  });
}

/** Of all tenants, unless a collection is named. @throws {ProblemError} invalid-parameter. @throws {RefusedWriteError} invalid-key. */
function recordOf({ collection, key }: Query, tenant: string) {
  if (collection === undefined && key !== undefined) {
    throw new ProblemError("invalid-parameter", "a key goes with the collection that it is of", {
      field: "key",
    });
  }
  if (collection === undefined) return {};
  checkCollectionName(collection);
  if (key !== undefined) checkKey(key);
  return { tenant, collection, key };
}

/** @throws {ProblemError} invalid-parameter. */
function uuidOf(text: string, field: "verification" | "repair"): string {
  const id = text.toLowerCase();
  if (UUID.test(id)) return id;
  throw new ProblemError("invalid-parameter", `a ${field} is named by a UUID`, { field });
}
