/** Routes that break and mend a cluster on one machine; elsewhere there are none. The control channel's key stays here. */
import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import { ChaosUnavailableError, type Chaos, type ChaosAnswer } from "../../../ports/chaos.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { readJsonBody } from "../json-body.ts";
import type { RouteDocument } from "../openapi.ts";
import { isForLocalName } from "../own-host.ts";
import { ProblemError } from "../problem.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const CHAOS_URL = `${API_PREFIX}/chaos`;
const GATEWAY_TIMEOUT = 504;

export interface ChaosRouteContext extends RouteContext {
  readonly chaos: Chaos;
}

const showDocument: RouteDocument = {
  operationId: "readFaults",
  summary: "What is broken on purpose of this cluster on one machine",
  tag: "region",
  answers: { 200: { description: "All faults of now.", body: Type.Object({}) } },
  problems: ["not-local"],
};

const orderDocument: RouteDocument = {
  operationId: "orderFault",
  summary: "Break something of this cluster on one machine, or mend it",
  description: "Actions are those of `infra/local/faults/action.ts`, which the control channel checks.",
  tag: "region",
  body: Type.Object({ do: Type.String() }),
  answers: { 200: { description: "What was done.", body: Type.Object({ told: Type.String() }) } },
  problems: ["not-local"],
};

export function addChaosRoutes(app: FastifyInstance, { chaos, ...context }: ChaosRouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: CHAOS_URL,
    document: showDocument,
    access: { action: "cluster" },
    handle: async ({ headers, query }, reply) => {
      refuseOtherNames(headers);
      readQuery(query, []);
      return passOn(reply, () => chaos.faults());
    },
  });
  addRoute(app, context, {
    method: "POST",
    url: CHAOS_URL,
    document: orderDocument,
    access: { action: "cluster" },
    handle: async ({ headers, query, body }, reply) => {
      refuseOtherNames(headers);
      readQuery(query, []);
      // Only as JSON: browsers ask for leave before a page of another origin may send it, and nobody gives it.
      const action = JSON.stringify(readJsonBody(headers, body));
      return passOn(reply, () => chaos.perform(action));
    },
  });
}

/** A page whose own name resolves to this machine is of the same origin for its browser, which asks for no leave. */
function refuseOtherNames(headers: IncomingHttpHeaders): void {
  if (isForLocalName(headers)) return;
  const detail =
    "faults are ordered of localhost, 127.0.0.1 or [::1], and of no other name in the Host header";
  throw new ProblemError("not-local", detail);
}

async function passOn(reply: FastifyReply, ask: () => Promise<ChaosAnswer>): Promise<string> {
  try {
    const { status, text } = await ask();
    reply.code(status);
    return text;
  } catch (error) {
    if (!(error instanceof ChaosUnavailableError)) throw error;
    reply.code(GATEWAY_TIMEOUT);
    return JSON.stringify({ error: error.message });
  }
}
