/** Routes for operators who change who takes part. */
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { ChangeMembersBody, MembersAnswer, RejoinBody } from "../../../protocol/http/members.ts";
import type { PartitionMembers } from "../../membership.ts";
import { audited, OrderHeaders } from "../audited.ts";
import type { RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const MEMBERS_URL = `${API_PREFIX}/members`;
const REJOIN_URL = `${API_PREFIX}/rejoin`;

const changeBodies = Compile(ChangeMembersBody);
const rejoinBodies = Compile(RejoinBody);

export function addMemberRoutes(app: FastifyInstance, context: RouteContext): void {
  addList(app, context);
  addChange(app, context);
  addRejoin(app, context);
}

const listDocument: RouteDocument = {
  operationId: "readMembers",
  summary: "Which regions take part, as this one has folded it",
  tag: "region",
  answers: { 200: { description: "Partition by partition.", body: MembersAnswer } },
  problems: ["store-unavailable", "starting"],
};

function addList(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: MEMBERS_URL,
    document: listDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return membersText(await context.gateway.membership().list());
    },
  });
}

const changeDocument: RouteDocument = {
  operationId: "changeMembers",
  summary: "Have a region take part from here on, or no more",
  description:
    "Any member can be asked. Answered once this region has folded it in all partitions; the same order again changes nothing. A region is removed when it is drained and has nothing left to send, unless it is forced: what only its WAL has is lost then.",
  tag: "region",
  headers: OrderHeaders,
  body: ChangeMembersBody,
  answers: { 200: { description: "It is so, now or since before.", body: MembersAnswer } },
  problems: [
    "unknown-region",
    "remove-refused",
    "not-a-member",
    "not-supported-yet",
    "store-unavailable",
    "outcome-unknown",
    "starting",
  ],
};

function addChange(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: MEMBERS_URL,
    document: changeDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const what = 'the body has "action" ("add" or "remove") and "region", and may have "force"';
      const given = readShapedBody<ChangeMembersBody>({ headers, body }, changeBodies, what);
      const { action, region, force: isForced = false } = given;
      const membership = context.gateway.membership();
      const about = { region, force: isForced };
      const act = { request: { headers, raw }, action: `member-${action}`, about } as const;
      const members = await audited(context, act, () =>
        action === "add" ? membership.add(region) : membership.remove({ region, isForced }),
      );
      return membersText(members);
    },
  });
}

const rejoinDocument: RouteDocument = {
  operationId: "rejoin",
  summary: "Have this region load its state anew from another one",
  description:
    "It serves nothing until it has. Forced, nothing is loaded: its WAL begins anew, which is the way back where another database has taken its place.",
  tag: "region",
  headers: OrderHeaders,
  body: RejoinBody,
  answers: { 200: { description: "It has begun, now or before.", body: MembersAnswer } },
  problems: ["not-supported-yet", "store-unavailable", "outcome-unknown", "starting"],
};

function addRejoin(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: REJOIN_URL,
    document: rejoinDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const what = 'the body is {}, or {"force":true}';
      const { force = false } = readShapedBody<RejoinBody>({ headers, body }, rejoinBodies, what);
      const membership = context.gateway.membership();
      const act = { request: { headers, raw }, action: "rejoin", about: { force } } as const;
      return membersText(await audited(context, act, () => membership.rejoin({ isForced: force })));
    },
  });
}

function membersText(partitions: readonly PartitionMembers[]): string {
  const answer: MembersAnswer = {
    partitions: partitions.map(({ partition, members, departed }) => ({
      partition,
      members: members.map((member) => ({
        region: member.region,
        ...(member.joined !== undefined && { joined: member.joined }),
        ...(member.isJoining && { joining: true as const }),
        ...(member.appliedPosition !== undefined && { applied_position: member.appliedPosition }),
        ...(member.lagEntries !== undefined && { lag_entries: member.lagEntries }),
        ...(member.silentMs !== undefined && { silent_ms: member.silentMs }),
        ...(member.unshippedRows !== undefined && { unshipped_rows: member.unshippedRows }),
      })),
      departed: [...departed],
    })),
  };
  return JSON.stringify(answer);
}
