/** What every route needs, and how a route is added: described, measured, and with one way to fail. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { RateLimits } from "../access/rate-limits.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Gateway } from "../gateway.ts";
import { authorize, type Access } from "./access.ts";
import type { Authentication } from "./authentication.ts";
import { takeTicket } from "./door.ts";
import { openApiOperation, type RouteDocument } from "./openapi.ts";
import type { HttpMetrics } from "./metrics.ts";
import { outcomeOf, type AskedKind, type RequestOutcome } from "./outcome.ts";
import { sendProblem } from "./send-problem.ts";
import type { SessionTokens } from "./session-tokens.ts";

export interface RouteContext {
  readonly gateway: Gateway;
  readonly region: string;
  readonly sessionTokens: SessionTokens;
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  /** Undefined where nobody is asked for credentials. */
  readonly authentication: Authentication | undefined;
  /** Undefined where tenants may send as much as the process takes. */
  readonly rates?: RateLimits | undefined;
}

/** What a request turns out to be while it is handled. */
export interface Asked {
  kind: AskedKind | undefined;
  /** Of an import: how many lines have ended how. */
  lines?: ReadonlyMap<RequestOutcome, number>;
}

export interface Route<Params> {
  readonly method: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
  readonly url: string;
  readonly document: RouteDocument;
  /** What whoever asks needs; without it a route does not compile, so that none is forgotten. */
  readonly access: Access;
  /** Default: JSON. */
  readonly mediaType?: string;
  /** Of the request's body; default as everywhere. */
  readonly bodyBytesMax?: number;
  /** Of requests on records, until the handler knows better. */
  readonly kind?: AskedKind;
  /** Sets status and headers, and returns the answer's text; what it throws becomes a problem. */
  readonly handle: (
    request: FastifyRequest<{ Params: Params }>,
    reply: FastifyReply,
    asked: Asked,
  ) => Promise<string>;
}

const JSON_MEDIA_TYPE = "application/json; charset=utf-8";

/**
 * There is no schema for the framework to validate or serialize by: handlers and the core check each request once, and
 * say exactly what is wrong. Measured here rather than in hooks, which cost more than the measurement.
 */
export function addRoute<Params>(
  app: FastifyInstance,
  context: Pick<RouteContext, "logger" | "metrics" | "sessionTokens" | "authentication">,
  route: Route<Params>,
): void {
  const { metrics, authentication } = context;
  const { method, url, handle, access, bodyBytesMax, mediaType = JSON_MEDIA_TYPE } = route;
  const schema = openApiOperation(route.document, access);
  app.route<{ Params: Params }>({
    method,
    url,
    ...(bodyBytesMax !== undefined && { bodyLimit: bodyBytesMax }),
    config: { access, swaggerTransform: ({ url: path }) => ({ schema, url: path }) },
    handler: async (request, reply) => {
      const startedAtMs = performance.now();
      const ticket = takeTicket(request.raw);
      const asked: Asked = { kind: route.kind };
      try {
        authorize(request, access, authentication);
        const text = await handle(request as FastifyRequest<{ Params: Params }>, reply, asked);
        if (text !== "") reply.header("content-type", mediaType).header("x-content-type-options", "nosniff");
        reply.send(text);
      } catch (error) {
        sendProblem(reply, error, context);
      }
      ticket?.leave();
      const durationMs = performance.now() - startedAtMs;
      const status = reply.statusCode;
      const { kind, lines } = asked;
      const outcome = kind === undefined ? {} : { kind, outcome: outcomeOf(kind, status), lines };
      metrics.answered({ route: url, method: request.method, status, durationMs, ...outcome });
      return reply;
    },
  });
}
