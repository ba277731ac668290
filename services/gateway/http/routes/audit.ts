/** Routes of the audit trail: what operators have done here, and where trails end. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { AUDIT_ACTIONS, type AuditAction, type AuditRow } from "../../../core/audit.ts";
import { AuditAnswer, AuditHeadAnswer, type AuditRowAnswer } from "../../../protocol/http/audit.ts";
import { API_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import type { ProblemCode } from "../../../protocol/http/problems.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { limitOf, readQuery, wholeNumberOf, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const AUDIT_URL = `${API_PREFIX}/audit`;
const PARAMETERS = ["action", "since_ms", "after", "limit", "cursor"] as const;
/** Looking waits like other reads; orders don't. */
const PROBLEMS: readonly ProblemCode[] = ["overloaded", "memory-short", "starting", "store-unavailable"];

export function addAuditRoutes(app: FastifyInstance, context: RouteContext): void {
  addList(app, context);
  addHead(app, context);
}

const listDocument: RouteDocument = {
  operationId: "listAudit",
  summary: "List what operators have done in this region, newest first",
  description:
    "Each act has a row before it is done, and one with its outcome. Rows form a hash chain: `hash` is of the row's text and of `previous`. Other regions have other rows: those of what was ordered there.",
  tag: "audit",
  query: Type.Object({
    action: Type.Optional(Type.Enum([...AUDIT_ACTIONS])),
    since_ms: Type.Optional(Type.Integer({ minimum: 0, description: "Milliseconds since 1970." })),
    after: Type.Optional(
      Type.Integer({ minimum: 0, description: "Only rows after this sequence, the oldest first." }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
  }),
  answers: { 200: { description: "A page of rows.", body: AuditAnswer } },
  problems: [...PROBLEMS, "invalid-cursor"],
};

function addList(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: AUDIT_URL,
    document: listDocument,
    access: { action: "cluster" },
    async handle({ query: given }) {
      const query = readQuery(given, PARAMETERS);
      const limit = limitOf(query);
      const page = pageOf(query);
      const [action, sinceMs] = [actionOf(query), numberOf(query, "since_ms")];
      const found = await context.gateway.auditing().list({ ...page, action, sinceMs, limit: limit + 1 });
      const rows = found.slice(0, limit);
      const last = found.length > limit ? rows.at(-1) : undefined;
      const way = page.after === undefined ? "b" : "a";
      const answer: AuditAnswer = {
        region: context.region,
        rows: rows.map(rowAnswer),
        ...(last !== undefined && { next_cursor: `${way}${last.sequence}` }),
      };
      return JSON.stringify(answer);
    },
  });
}

const headDocument: RouteDocument = {
  operationId: "readAuditHead",
  summary: "Where this region's audit trail ends, and where it has seen others end",
  description:
    "Keep it elsewhere: with it `forebay audit verify` finds also that the end of a trail was dropped, or all of it made anew.",
  tag: "audit",
  answers: { 200: { description: "The end of the chain. Sequence 0: it is empty.", body: AuditHeadAnswer } },
  problems: PROBLEMS,
};

function addHead(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: `${AUDIT_URL}/head`,
    document: headDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      const auditing = context.gateway.auditing();
      const [head, seen] = await Promise.all([auditing.head(), auditing.seenHeads()]);
      const answer: AuditHeadAnswer = {
        region: context.region,
        sequence: head.sequence,
        hash: head.hash,
        seen: seen.map(({ region, sequence, hash, seenAtMs }) => {
          return { region, sequence, hash, seen_at_ms: seenAtMs };
        }),
      };
      return JSON.stringify(answer);
    },
  });
}

function rowAnswer({ atMs, address, ...row }: AuditRow): AuditRowAnswer {
  const { sequence, act, action, actor, about, outcome, previous, hash } = row;
  const from = address === null ? {} : { address };
  return { sequence, at_ms: atMs, act, action, actor, ...from, about, outcome, previous, hash };
}

/** @throws {ProblemError} invalid-parameter, invalid-cursor. */
function pageOf(query: Query): { readonly before?: number; readonly after?: number } {
  const after = numberOf(query, "after");
  const { cursor } = query;
  if (cursor === undefined) return after === undefined ? {} : { after };
  const match = /^([ab])([1-9]\d{0,14})$/.exec(cursor);
  if (match === null) {
    const detail = "pass on the next_cursor of the page before, unchanged";
    throw new ProblemError("invalid-cursor", detail, { field: "cursor" });
  }
  return match[1] === "a" ? { after: Number(match[2]) } : { before: Number(match[2]) };
}

/** @throws {ProblemError} invalid-parameter. */
function actionOf({ action }: Query): AuditAction | undefined {
  const found = AUDIT_ACTIONS.find((one) => one === action);
  if (action === undefined || found !== undefined) return found;
  throw new ProblemError("invalid-parameter", `action is one of ${AUDIT_ACTIONS.join(", ")}`, {
    field: "action",
  });
}

/** @throws {ProblemError} invalid-parameter. */
function numberOf(query: Query, field: "since_ms" | "after"): number | undefined {
  const text = query[field];
  const number = text === undefined ? undefined : wholeNumberOf(text);
  if (text === undefined || number !== undefined) return number;
  throw new ProblemError("invalid-parameter", `${field} is a whole number`, { field });
}
