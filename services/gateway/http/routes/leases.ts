/** Routes of leases: acquire and renew, release, read. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { checkKey } from "../../../core/accept/key.ts";
import { LeaseAnswer, LeaseGrantAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX, SESSION_HEADER } from "../../../protocol/http/headers.ts";
import { LeaseBody } from "../../../protocol/http/write-body.ts";
import { leaseAnswer } from "../answers.ts";
import { answerChange } from "../change-answer.ts";
import {
  ChangeAnswerHeaders,
  ChangeHeaders,
  KeyParameter,
  ORDERED_PROBLEMS,
  READ_PROBLEMS,
  RequestHeaders,
  SessionAnswerHeader,
} from "../documents.ts";
import { readJsonBody, refuseBody } from "../json-body.ts";
import { leaseActionOf, leaseTokenOf } from "../lease-request.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { changeContextOf, requestContextOf, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { leaseResult } from "../results.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const LEASE_URL = `${API_PREFIX}/leases/:name`;

interface LeaseName {
  readonly name: string;
}

const LeaseParams = Type.Object({ name: KeyParameter });

export function addLeaseRoutes(app: FastifyInstance, context: RouteContext): void {
  addHold(app, context);
  addRelease(app, context);
  addRead(app, context);
}

const holdDocument: RouteDocument = {
  operationId: "holdLease",
  summary: "Acquire or renew a lease",
  description:
    "The log decides, and measures time by its own stamps, so that all regions agree on who holds a lease. The token rises with every grant; as `fence` of a write it refuses a holder whose time is over.",
  tag: "leases",
  params: LeaseParams,
  headers: Type.Object(ChangeHeaders),
  body: LeaseBody,
  answers: {
    200: { description: "The lease is held.", body: LeaseGrantAnswer, headers: ChangeAnswerHeaders },
  },
  problems: [...ORDERED_PROBLEMS, "invalid-key", "invalid-lease", "lease-held", "lease-lost"],
};

function addHold(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<LeaseName>(app, context, {
    method: "POST",
    url: LEASE_URL,
    document: holdDocument,
    access: { action: "write", of: "name" },
    kind: "decided",
    async handle({ headers, raw, params: { name }, query, body }, reply) {
      readQuery(query, []);
      versionOf(headers, []);
      checkKey(name);
      const action = leaseActionOf(readJsonBody(headers, body));
      const result = await gateway.lease({ ...changeContextOf({ headers, raw }, context), name, action });
      return answerChange(reply, result, { sessionTokens, showResult: leaseResult });
    },
  });
}

const releaseDocument: RouteDocument = {
  operationId: "releaseLease",
  summary: "Release a lease",
  tag: "leases",
  params: LeaseParams,
  query: Type.Object({ token: Type.String({ description: "As the lease's grant has given it." }) }),
  headers: Type.Object(ChangeHeaders),
  answers: {
    200: { description: "Nobody holds the lease.", body: LeaseGrantAnswer, headers: ChangeAnswerHeaders },
  },
  problems: [...BODY_PROBLEMS, ...ORDERED_PROBLEMS, "invalid-key", "invalid-lease", "lease-lost"],
};

function addRelease(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<LeaseName>(app, context, {
    method: "DELETE",
    url: LEASE_URL,
    document: releaseDocument,
    access: { action: "write", of: "name" },
    kind: "decided",
    async handle({ headers, raw, params: { name }, query: given, body }, reply) {
      const query = readQuery(given, ["token"]);
      versionOf(headers, []);
      refuseBody(headers, body);
      checkKey(name);
      const action = { type: "release", token: leaseTokenOf(query["token"]) } as const;
      const result = await gateway.lease({ ...changeContextOf({ headers, raw }, context), name, action });
      return answerChange(reply, result, { sessionTokens, showResult: leaseResult });
    },
  });
}

const readDocument: RouteDocument = {
  operationId: "readLease",
  summary: "Read who holds a lease",
  tag: "leases",
  params: LeaseParams,
  headers: Type.Object(RequestHeaders),
  answers: {
    200: {
      description: "The lease, as the log has it.",
      body: LeaseAnswer,
      headers: { "Forebay-Session": SessionAnswerHeader },
    },
  },
  problems: [...READ_PROBLEMS, "invalid-key", "lease-not-found"],
};

function addRead(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<LeaseName>(app, context, {
    method: "GET",
    url: LEASE_URL,
    document: readDocument,
    access: { action: "read", of: "name" },
    kind: "read",
    async handle({ headers, raw, params: { name }, query }, reply) {
      readQuery(query, []);
      checkKey(name);
      const lease = await gateway.readLease({ ...requestContextOf({ headers, raw }, context), name });
      const session = sessionTokens.encode(lease.session);
      reply.header(SESSION_HEADER, session);
      return JSON.stringify(leaseAnswer(lease, session));
    },
  });
}
