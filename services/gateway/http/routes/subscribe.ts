/** `WS /v1/subscribe`: subscriptions to records, several on a connection. `changes.ts` has the same over plain HTTP. */
import type { IncomingMessage } from "node:http";
import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { FEED_CLOSE_CODES, ServerFrame } from "../../../protocol/http/feed.ts";
import type { FeedCloseReason, FeedMetrics } from "../../feed/metrics.ts";
import { TenantShares } from "../../feed/shares.ts";
import type { Access } from "../access.ts";
import { FeedConnection } from "../feed-connection.ts";
import { LastingAccess } from "../lasting-access.ts";
import { openApiOperation, type RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import type { RouteContext } from "../route-context.ts";
import { sendProblem } from "../send-problem.ts";
import { SocketKeeper, type FeedSocket } from "../socket-keeper.ts";
import { chosenSubprotocol, upgradeGuard } from "../upgrade-access.ts";
import type { Upgrades } from "../upgrades.ts";

const SUBSCRIBE_URL = `${API_PREFIX}/subscribe`;
const ACCESS: Access = { action: "read" };
const RECEIVED_BYTES_MAX = 64 * 1024;
const SOCKETS_MAX = 2_048;
/** What may wait for one client, and about what for all together. */
const WAITING_BYTES = { min: 64 * 1024, max: 1024 * 1024 };
const WAITING_BYTES_OF_ALL = 64 * 1024 * 1024;
const TOO_MANY_REASON = "too many follow this process already, or too many of this tenant";

const document: RouteDocument = {
  operationId: "subscribe",
  summary: "Subscribe to records, over a WebSocket",
  description:
    "The client sends frames of type subscribe, unsubscribe and authenticate; the answers are state, changes, problem and heartbeat frames. Whoever goes on from a cursor, here or in another region, misses no record's newest committed state and is told none twice.",
  tag: "records",
  answers: { 101: { description: "Frames, each a JSON text.", body: ServerFrame } },
  problems: ["upgrade-required"],
};

export interface SubscribeParts {
  readonly upgrades: Upgrades;
  readonly feedMetrics: FeedMetrics;
  /** Sockets of the process. */
  readonly socketsMax?: number | undefined;
}

/** In a scope of its own, so that no other route has hooks for what only this one does. */
export async function addSubscribeRoute(
  app: FastifyInstance,
  context: RouteContext,
  { upgrades, feedMetrics, socketsMax = SOCKETS_MAX }: SubscribeParts,
): Promise<void> {
  const keeper = new SocketKeeper({
    socketsMax,
    logger: context.logger,
    onLost: (why) => feedMetrics.closed(why),
  });
  const shares = new TenantShares(socketsMax);
  const schema = openApiOperation(document, ACCESS);
  await app.register(async (scope) => {
    await scope.register(websocket, {
      options: {
        maxPayload: RECEIVED_BYTES_MAX,
        server: upgrades.to(SUBSCRIBE_URL),
        verifyClient: upgradeGuard({
          access: ACCESS,
          authentication: context.authentication,
          isForOwnPage: false,
        }),
        handleProtocols: chosenSubprotocol,
      },
      preClose: () => keeper.close(),
      errorHandler: (error, socket) => {
        context.logger.debug({ error: error.message }, "a subscriber's connection has failed");
        socket.terminate();
      },
    });
    scope.route({
      method: "GET",
      url: SUBSCRIBE_URL,
      config: { access: ACCESS, swaggerTransform: ({ url }) => ({ schema, url }) },
      handler: (_request, reply) => {
        const detail = `subscriptions are over a WebSocket; GET ${API_PREFIX}/changes answers a plain request`;
        sendProblem(reply, new ProblemError("upgrade-required", detail), context);
        return reply;
      },
      wsHandler: (socket, { raw }) => serve(socket, { context, keeper, shares, feedMetrics, request: raw }),
    });
  });
}

interface Serving {
  readonly context: RouteContext;
  readonly keeper: SocketKeeper;
  readonly shares: TenantShares;
  readonly feedMetrics: FeedMetrics;
  readonly request: IncomingMessage;
}

function serve(socket: FeedSocket, { context, keeper, shares, feedMetrics, request }: Serving): void {
  let isSentAway = false;
  const sendAway = (code: number, reason: string, why: FeedCloseReason) => {
    isSentAway = true;
    feedMetrics.closed(why);
    keeper.sendAway(socket, code, reason);
    connection.end();
  };
  const access = new LastingAccess({
    request,
    access: ACCESS,
    authentication: context.authentication,
    onOver: () =>
      sendAway(FEED_CLOSE_CODES.unauthenticated, "the credential is not right any more", "unauthenticated"),
    onChange: () => connection.checkAccess(),
  });
  const connection: FeedConnection = new FeedConnection({
    socket,
    access,
    retryAfterMs: () => context.rates?.take(access.tenant),
    feed: () => context.gateway.feed(),
    logger: context.logger,
    waitingBytesMax: () =>
      Math.min(WAITING_BYTES.max, Math.max(WAITING_BYTES.min, WAITING_BYTES_OF_ALL / keeper.size)),
    sendAway,
    onSent: (bytes) => feedMetrics.sent({ bytes }),
  });
  const leaveShare = shares.enter(access.tenant);
  const gone = () => {
    leaveShare?.();
    if (!isSentAway) feedMetrics.closed("client");
    feedMetrics.connected(keeper.size);
    access.end();
    connection.end();
  };
  const refusal = leaveShare === undefined ? { refusal: TOO_MANY_REASON } : {};
  if (keeper.admit(socket, { beat: () => connection.beat(), gone, ...refusal })) {
    return feedMetrics.connected(keeper.size);
  }
  // What it sends until it has gone would open subscriptions that nobody ends.
  leaveShare?.();
  access.end();
  connection.end();
}
