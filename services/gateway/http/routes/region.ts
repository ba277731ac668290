/** Routes for operators and their machines: status, probes, metrics, the document. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { LiveAnswer, ReadyAnswer, StatusAnswer } from "../../../protocol/http/status.ts";
import { statusAnswer } from "../answers.ts";
import type { RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { withExamples, type OpenApiDocument } from "../examples/with-examples.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const STATUS_URL = `${API_PREFIX}/status`;
const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface RegionRouteContext extends RouteContext {
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** Why the process is not ready; empty when it is. Must answer at once. */
  readonly readiness: () => readonly string[];
  /** Why it should get no requests although it could serve them. */
  readonly drainReason?: () => string | undefined;
  readonly metricsAccess?: "open" | "scope";
}

export function addRegionRoutes(app: FastifyInstance, context: RegionRouteContext): void {
  addStatus(app, context);
  addProbes(app, context);
  addMetrics(app, context);
  addDocument(app, context);
}

const statusDocument: RouteDocument = {
  operationId: "readStatus",
  summary: "Where the region is, partition by partition",
  tag: "region",
  answers: { 200: { description: "The region's status.", body: StatusAnswer } },
  problems: ["store-unavailable", "starting"],
};

function addStatus(app: FastifyInstance, context: RegionRouteContext): void {
  const { gateway } = context;
  addRoute(app, context, {
    method: "GET",
    url: STATUS_URL,
    document: statusDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return JSON.stringify(statusAnswer(await gateway.status()));
    },
  });
}

const liveDocument: RouteDocument = {
  operationId: "isAlive",
  summary: "Whether the process runs",
  tag: "region",
  answers: { 200: { description: "It does.", body: LiveAnswer } },
  problems: [],
};

const readyDocument: RouteDocument = {
  operationId: "isReady",
  summary: "Whether the process should get requests",
  tag: "region",
  answers: {
    200: { description: "It should.", body: ReadyAnswer },
    503: { description: "It should not, and why.", body: ReadyAnswer },
  },
  problems: [],
};

/** Probes come with parameters of their own making, such as time stamps: those are ignored here. */
function addProbes(app: FastifyInstance, context: RegionRouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: "/livez",
    document: liveDocument,
    access: { action: "none" },
    handle: async () => '{"alive":true}',
  });
  addRoute(app, context, {
    method: "GET",
    url: "/readyz",
    document: readyDocument,
    access: { action: "none" },
    async handle(_request, reply) {
      const faults = context.readiness();
      const drained = context.drainReason?.();
      const reasons = drained === undefined ? faults : [...faults, drained];
      const isReady = reasons.length === 0;
      reply.code(isReady ? 200 : 503);
      const isOnlyDrained = drained !== undefined && faults.length === 0;
      return JSON.stringify({ ready: isReady, reasons, ...(isOnlyDrained && { draining: true }) });
    },
  });
}

const metricsDocument: RouteDocument = {
  operationId: "readMetrics",
  summary: "Metrics for Prometheus",
  tag: "region",
  answers: { 200: { description: "Prometheus text.", body: Type.String(), mediaType: "text/plain" } },
  problems: [],
};

function addMetrics(app: FastifyInstance, context: RegionRouteContext): void {
  const isOpen = context.metricsAccess === "open";
  addRoute(app, context, {
    method: "GET",
    url: "/metrics",
    document: metricsDocument,
    access: { action: isOpen ? "none" : "metrics" },
    mediaType: METRICS_MEDIA_TYPE,
    handle: () => context.metricsText(),
  });
}

const openApiDocument: RouteDocument = {
  operationId: "readOpenApi",
  summary: "This document",
  tag: "region",
  answers: { 200: { description: "OpenAPI 3.1.", body: Type.Object({}) } },
  problems: [],
};

function addDocument(app: FastifyInstance, context: RegionRouteContext): void {
  let text: string | undefined;
  addRoute(app, context, {
    method: "GET",
    url: "/openapi.json",
    document: openApiDocument,
    access: { action: "none" },
    handle: async () => (text ??= JSON.stringify(withExamples(app.swagger() as OpenApiDocument))),
  });
}
