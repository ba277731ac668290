/** Routes for operators and their machines: status, probes, metrics, the document. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { LiveAnswer, ReadyAnswer, StatusAnswer } from "../../../protocol/http/status.ts";
import { statusAnswer } from "../answers.ts";
import type { RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { JSON_MEDIA_TYPE, routeOptions, type RouteContext } from "../route-context.ts";

const STATUS_URL = `${API_PREFIX}/status`;
const METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface RegionRouteContext extends RouteContext {
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** Why the process is not ready; empty when it is. Must answer at once. */
  readonly readiness: () => readonly string[];
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
  app.get(STATUS_URL, routeOptions(context, STATUS_URL, statusDocument), async (request, reply) => {
    readQuery(request.query, []);
    const overview = await gateway.status();
    reply.type(JSON_MEDIA_TYPE);
    return JSON.stringify(statusAnswer(overview));
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
  app.get("/livez", routeOptions(context, "/livez", liveDocument), async (_request, reply) => {
    reply.type(JSON_MEDIA_TYPE);
    return '{"alive":true}';
  });
  app.get("/readyz", routeOptions(context, "/readyz", readyDocument), async (_request, reply) => {
    const reasons = context.readiness();
    const isReady = reasons.length === 0;
    reply.code(isReady ? 200 : 503).type(JSON_MEDIA_TYPE);
    return JSON.stringify({ ready: isReady, reasons });
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
  const { metricsText } = context;
  app.get("/metrics", routeOptions(context, "/metrics", metricsDocument), async (_request, reply) => {
    reply.type(METRICS_MEDIA_TYPE);
    return metricsText();
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
  app.get(
    "/openapi.json",
    routeOptions(context, "/openapi.json", openApiDocument),
    async (_request, reply) => {
      text ??= JSON.stringify(app.swagger());
      reply.type(JSON_MEDIA_TYPE);
      return text;
    },
  );
}
