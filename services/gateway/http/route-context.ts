/** What every route needs, and the options that every route has. */
import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import type { Logger } from "../../runtime/logger.ts";
import type { Gateway } from "../gateway.ts";
import { openApiOperation, type RouteDocument } from "./openapi.ts";
import type { HttpMetrics } from "./metrics.ts";

export interface RouteContext {
  readonly gateway: Gateway;
  readonly region: string;
  readonly tenant: string;
  readonly sessionSecret: string;
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
}

export const JSON_MEDIA_TYPE = "application/json; charset=utf-8";

/**
 * The route's document and its measurement. There is no schema for the framework to validate by: handlers and the
 * core check each request once, and say exactly what is wrong.
 */
export function routeOptions(
  context: { readonly metrics: HttpMetrics },
  url: string,
  document: RouteDocument,
): RouteShorthandOptions {
  const { metrics } = context;
  const schema = openApiOperation(document);
  return {
    config: { swaggerTransform: (route) => ({ schema, url: route.url }) },
    onResponse: (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      const { method } = request;
      metrics.answered({ route: url, method, status: reply.statusCode, durationMs: reply.elapsedTime });
      done();
    },
  };
}
