/** Routes for operators who move leadership, or take a region out of service. */
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import {
  DrainBody,
  HOLD_MS_DEFAULT,
  HOLD_MS_MAX,
  LeadersAnswer,
  MoveLeaderAnswer,
  MoveLeaderBody,
} from "../../../protocol/http/leaders.ts";
import { StatusAnswer } from "../../../protocol/http/status.ts";
import { leadersAnswer, statusAnswer } from "../answers.ts";
import { audited, OrderHeaders } from "../audited.ts";
import { refuseBody } from "../json-body.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const LEADER_URL = `${API_PREFIX}/leader`;
const DRAIN_URL = `${API_PREFIX}/drain`;

const moveBodies = Compile(MoveLeaderBody);
const drainBodies = Compile(DrainBody);

export function addLeaderRoutes(app: FastifyInstance, context: RouteContext): void {
  addShow(app, context);
  addMove(app, context);
  addDrain(app, context);
  addUndrain(app, context);
}

const showDocument: RouteDocument = {
  operationId: "readLeaders",
  summary: "Who leads the log, and who would how well",
  tag: "region",
  answers: { 200: { description: "Partition by partition.", body: LeadersAnswer } },
  problems: ["starting"],
};

function addShow(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: LEADER_URL,
    document: showDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return JSON.stringify(leadersAnswer(await context.gateway.leaders()));
    },
  });
}

const moveDocument: RouteDocument = {
  operationId: "moveLeader",
  summary: "Have a region lead the log",
  description:
    "Any region can be asked. What the log has to decide waits for some tens of milliseconds meanwhile. An election that is under way or comes in between is waited for, for some ten seconds. All regions hear of it and leave leadership alone for the hold; they keep it in memory, and tell each other. A later order ends an earlier one; of two within a moment, neither may be carried out.",
  tag: "region",
  headers: OrderHeaders,
  body: MoveLeaderBody,
  answers: { 200: { description: "The region leads.", body: MoveLeaderAnswer } },
  problems: [
    "unknown-region",
    "region-not-fit",
    "leader-not-moved",
    "no-quorum",
    "store-unavailable",
    "starting",
  ],
};

function addMove(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: LEADER_URL,
    document: moveDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const given = readShapedBody<MoveLeaderBody>(
        { headers, body },
        moveBodies,
        `the body has "region", and may have "partition" and "hold_ms", from 0 to ${HOLD_MS_MAX}`,
      );
      const { region, partition, hold_ms: holdMs = HOLD_MS_DEFAULT } = given;
      const about = { region, partition, hold_ms: holdMs };
      const act = { request: { headers, raw }, action: "leader-move", about, isUrgent: true } as const;
      const partitions = await audited(context, act, () =>
        context.gateway.moveLeader({ region, partition, holdMs }),
      );
      const answer: MoveLeaderAnswer = { partitions: [...partitions], hold_ms: holdMs };
      return JSON.stringify(answer);
    },
  });
}

const drainDocument: RouteDocument = {
  operationId: "drainRegion",
  summary: "Take this region out of service, before maintenance",
  description:
    "It takes no new writes, over restarts too, until it is undrained; it reads on, sends what it has taken to the log, and other regions lead. `draining` in its status tells how far it is. Refused where fewer than a majority of the regions would be left, unless it is forced.",
  tag: "region",
  headers: OrderHeaders,
  body: DrainBody,
  answers: { 200: { description: "It has begun, now or before.", body: StatusAnswer } },
  problems: ["drain-refused", "store-unavailable", "outcome-unknown", "starting"],
};

function addDrain(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: DRAIN_URL,
    document: drainDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const what = 'the body is {}, or {"force":true}';
      const { force = false } = readShapedBody<DrainBody>({ headers, body }, drainBodies, what);
      const about = { force };
      // A region is taken out of service because something is wrong with it.
      const act = { request: { headers, raw }, action: "drain", about, isUrgent: true } as const;
      const overview = await audited(context, act, () => context.gateway.drain({ isForced: force }));
      return JSON.stringify(statusAnswer(overview));
    },
  });
}

const undrainDocument: RouteDocument = {
  operationId: "undrainRegion",
  summary: "Take this region back into service",
  tag: "region",
  headers: OrderHeaders,
  answers: { 200: { description: "It takes writes, now or since before.", body: StatusAnswer } },
  problems: [...BODY_PROBLEMS, "store-unavailable", "outcome-unknown", "starting"],
};

function addUndrain(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "DELETE",
    url: DRAIN_URL,
    document: undrainDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      refuseBody(headers, body);
      const act = { request: { headers, raw }, action: "undrain", about: {} } as const;
      return JSON.stringify(statusAnswer(await audited(context, act, () => context.gateway.undrain())));
    },
  });
}
