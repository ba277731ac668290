/**
 * The HTTP transport: builds the server over a gateway, and closes it gracefully.
 *
 * The path of a request: node parses it → the door → whose is it → may it → the route reads headers, query and body → the
 * gateway → one JSON text.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import swagger from "@fastify/swagger";
import { fastify, type FastifyInstance } from "fastify";
import { EVERYBODY } from "../../core/access/identity.ts";
import { assert } from "../../core/assert.ts";
import { BODY_BYTES_MAX, HEADERS_BYTES_MAX } from "../../protocol/http/headers.ts";
import type { ClusterViews } from "../../ports/cluster-views.ts";
import type { Chaos } from "../../ports/chaos.ts";
import type { LogLevels } from "../../runtime/log-levels.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ApiKeys } from "../access/api-keys.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import type { Admission } from "../admission/admission.ts";
import type { Doctor } from "../doctor/doctor.ts";
import type { FeedMetrics } from "../feed/metrics.ts";
import type { Gateway } from "../gateway.ts";
import type { Access } from "./access.ts";
import { UNKNOWN_TENANT, type Authentication } from "./authentication.ts";
import { noteAddresses } from "./client-address.ts";
import { answerClientError } from "./client-error.ts";
import { Connections } from "./connections.ts";
import { withCors } from "./cors.ts";
import { openDoor, type Door } from "./door.ts";
import { Farewell } from "./farewell.ts";
import { KnownRoutes } from "./known-routes.ts";
import type { HttpMetrics } from "./metrics.ts";
import { openApiBase } from "./openapi.ts";
import { ProblemError } from "./problem.ts";
import { addRoutes } from "./all-routes.ts";
import { sendProblem } from "./send-problem.ts";
import type { SessionTokens } from "./session-tokens.ts";

/** A client must have sent its headers, and all of its request, within these times. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const TIMEOUT_CHECK_EVERY_MS = 1_000;
/** A socket on which nothing moves; longer than the longest deadline, after which an answer is due. */
const SOCKET_TIMEOUT_MS = 75_000;
/** Longer than load balancers keep a connection, so that they close it first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const CONNECTIONS_MAX = 4_096;
const CLOSE_IDLE_EVERY_MS = 25;

export interface HttpServerOptions {
  readonly gateway: Gateway;
  readonly region: string;
  readonly software: string;
  readonly sessionTokens: SessionTokens;
  readonly logger: Logger;
  readonly logLevels: LogLevels;
  readonly doctor: Pick<Doctor, "examine" | "about">;
  readonly metrics: HttpMetrics;
  readonly feedMetrics: FeedMetrics;
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** Why the process is not ready; empty when it is. */
  readonly readiness: () => readonly string[];
  /** Why the process should get no requests although it could serve them: the region is drained. */
  readonly drainReason?: () => string | undefined;
  /** Without it every request is taken on. */
  readonly admission?: Admission;
  /** Without it nobody is asked for credentials: everybody may do everything. */
  readonly authentication?: Authentication | undefined;
  readonly apiKeys: Pick<ApiKeys, "create" | "list" | "revoke">;
  /** What tenants may send; at the door, so with `admission` alone. */
  readonly rates?: RateLimits | undefined;
  /** Proxies of ours between clients and the server; default none. */
  readonly trustedProxies?: number;
  /** Pages of these origins may use the API; default none. */
  readonly corsOrigins?: readonly string[];
  /** Whether metrics are told to whoever asks. */
  readonly metricsAccess?: "open" | "scope";
  /** Where the process shows the cluster. */
  readonly clusterViews?: ClusterViews;
  readonly connectionsMax?: number;
  /** Of the feed, each: WebSockets, and answers that go on. */
  readonly followersMax?: number;
  /** Where the console's page was built; without it there is none. */
  readonly consoleFolder?: string;
  /** Only of a cluster on one machine. */
  readonly chaos?: Chaos | undefined;
  /** A connection was dropped, since there are too many. */
  readonly onConnectionDropped?: () => void;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /** Resolves with the port, once requests are answered. */
  listen(address: { host: string; port: number }): Promise<number>;
  /** Turns unready, and asks clients to come over other connections; serves them all until it is closed. */
  leave(): void;
  /**
   * Leaves, takes no new connections, lets requests in flight end within the deadline, and then closes what is left.
   */
  close(deadlineMs: number): Promise<void>;
}

export async function buildHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const farewell = new Farewell();
  const readiness = () => [...(farewell.hasBegun ? ["the process is stopping"] : []), ...options.readiness()];
  const { admission } = options;
  const connections = new Connections(options.connectionsMax ?? CONNECTIONS_MAX);
  const door =
    admission && openDoor({ ...guardsOf(options), admission, isCrowded: () => connections.isCrowded });
  const app = makeApp(options, { door, connections, farewell });
  await app.register(swagger, { openapi: openApiBase(options.software) });
  const routes = new KnownRoutes();
  app.addHook("onRoute", (route) => {
    const { access } = (route.config ?? {}) as { readonly access?: Access };
    assert(access !== undefined, `route ${route.url} does not say who may use it`);
    routes.add(route);
  });
  const context = { ...options, readiness, authentication: options.authentication };
  await addRoutes(app, context);
  answerUnknownRoutes(app, options, routes);
  await app.ready();
  return {
    app,
    listen: async (address) => {
      await app.listen(address);
      return (app.server.address() as AddressInfo).port;
    },
    leave: () => farewell.begin(),
    close: (deadlineMs) => {
      farewell.begin();
      door?.close();
      return closeGracefully(app, deadlineMs);
    },
  };
}

/** What the door asks of each request. */
function guardsOf({ authentication, rates }: HttpServerOptions) {
  return {
    tenantOf: (request: IncomingMessage) => authentication?.tenantOf(request) ?? EVERYBODY.tenant,
    // Who is not known yet is counted once it is known (`Door.arrived`), and by address where it turns out wrong.
    ...(rates !== undefined && {
      rateOf: (tenant: string) => (tenant === UNKNOWN_TENANT ? undefined : rates.take(tenant)),
    }),
  };
}

interface Guards {
  readonly door: Door | undefined;
  readonly connections: Connections;
  readonly farewell: Farewell;
}

function makeApp(options: HttpServerOptions, { door, connections, farewell }: Guards): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    serverFactory: (listener) => {
      const known = options.authentication?.guard(listener, door?.arrived) ?? listener;
      const server = makeServer(withCors(options.corsOrigins ?? [], door?.guard(known) ?? known), farewell);
      noteAddresses(server, options.trustedProxies ?? 0);
      connections.bound(server, options.onConnectionDropped ?? (() => undefined));
      return server;
    },
    // Requests that are under way when the server closes get their answers, and with it the connection's end.
    return503OnClosing: false,
    forceCloseConnections: "idle",
    // Keys are checked by the core, whose refusal says what a key may be.
    routerOptions: { maxParamLength: HEADERS_BYTES_MAX },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, error, options),
    clientErrorHandler: answerClientError,
  });
  // Bodies are read as they come; routes that take one parse it, so that a refusal keeps the connection.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error, options));
  return app;
}

function makeServer(listener: RequestListener, farewell: Farewell): Server {
  const timeouts = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_EVERY_MS,
  };
  const options = {
    ...timeouts,
    maxHeaderSize: HEADERS_BYTES_MAX,
    ServerResponse: farewell.responses(),
  };
  const server = createServer(options, listener);
  server.setTimeout(SOCKET_TIMEOUT_MS);
  return server;
}

function answerUnknownRoutes(app: FastifyInstance, options: HttpServerOptions, routes: KnownRoutes): void {
  const { metrics } = options;
  app.setNotFoundHandler((request, reply) => {
    const { method, url } = request;
    const path = url.split(/[?#]/, 1)[0]!;
    const allow = routes.methodsAt(path);
    const error =
      allow.length === 0
        ? new ProblemError(
            "route-not-found",
            "this API has nothing at this path; /openapi.json lists what it has",
          )
        : new ProblemError("method-not-allowed", `this resource has ${allow.join(", ")}`, { allow });
    sendProblem(reply, error, options);
    metrics.answered({ route: "unknown", method, status: reply.statusCode, durationMs: 0 });
  });
}

async function closeGracefully(app: FastifyInstance, deadlineMs: number): Promise<void> {
  // A connection that ends its last request after the close, or has never sent one, is idle but not yet closed.
  const sweep = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
  const force = setTimeout(() => app.server.closeAllConnections(), deadlineMs);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(force);
  }
}
