/** The cluster as this process sees it, for operators: the view, what it was of late, and a live feed. */
import websocket from "@fastify/websocket";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { ClusterViews } from "../../../ports/cluster-views.ts";
import { ClusterHistory, ClusterView, LiveMessage } from "../../../protocol/cluster/view.ts";
import { FEED_CLOSE_CODES } from "../../../protocol/http/feed.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import type { Access } from "../access.ts";
import { LastingAccess } from "../lasting-access.ts";
import { LiveFeed } from "../live-feed.ts";
import { openApiOperation, type RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { readQuery, wholeNumberBetween } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { sendProblem } from "../send-problem.ts";
import type { Upgrades } from "../upgrades.ts";
import { chosenSubprotocol, upgradeGuard } from "../upgrade-access.ts";

const CLUSTER_URL = `${API_PREFIX}/cluster`;
const HISTORY_URL = `${CLUSTER_URL}/history`;
const LIVE_URL = `${CLUSTER_URL}/live`;
const SPAN_MS_DEFAULT = 15 * 60_000;
const SPAN_MS = { min: 1_000, max: 30 * 86_400_000 };
const POINTS_DEFAULT = 300;
const POINTS = { min: 1, max: 2_000 };
const PARTITION = { min: 0, max: 255 };
const LIVE_ACCESS: Access = { action: "cluster" };
/** Nobody has to tell the feed anything. */
const RECEIVED_BYTES_MAX = 1_024;

export async function addClusterRoutes(
  app: FastifyInstance,
  context: RouteContext,
  { views, upgrades }: { readonly views: ClusterViews; readonly upgrades: Upgrades },
): Promise<void> {
  addView(app, context, views);
  addHistory(app, context, views);
  await addLive(app, context, { views, upgrades });
}

const viewDocument: RouteDocument = {
  operationId: "readCluster",
  summary: "The whole cluster as this region sees it",
  description: "Made of what regions announce every second: needs neither the log nor a database.",
  tag: "region",
  answers: { 200: { description: "The view.", body: ClusterView } },
  problems: [],
};

function addView(app: FastifyInstance, context: RouteContext, views: ClusterViews): void {
  addRoute(app, context, {
    method: "GET",
    url: CLUSTER_URL,
    document: viewDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return views.viewText();
    },
  });
}

const historyDocument: RouteDocument = {
  operationId: "readClusterHistory",
  summary: "What was seen of the cluster, for charts",
  description:
    "Kept in memory since the process started: seconds for 15 minutes, 10 s for 6 hours, 5 min for 30 days.",
  tag: "region",
  query: Type.Object({
    span_ms: Type.Optional(
      Type.Integer({
        minimum: SPAN_MS.min,
        maximum: SPAN_MS.max,
        default: SPAN_MS_DEFAULT,
        description: "How far back.",
      }),
    ),
    points: Type.Optional(
      Type.Integer({
        minimum: POINTS.min,
        maximum: POINTS.max,
        default: POINTS_DEFAULT,
        description: "How many values a series has at most.",
      }),
    ),
    partition: Type.Optional(
      Type.Integer({
        minimum: PARTITION.min,
        maximum: PARTITION.max,
        description: "Also the lags of this partition by themselves, which are kept for 15 minutes.",
      }),
    ),
  }),
  answers: { 200: { description: "Series, with one value per step.", body: ClusterHistory } },
  problems: [],
};

function addHistory(app: FastifyInstance, context: RouteContext, views: ClusterViews): void {
  addRoute(app, context, {
    method: "GET",
    url: HISTORY_URL,
    document: historyDocument,
    access: { action: "cluster" },
    async handle({ query: given }) {
      const query = readQuery(given, ["span_ms", "points", "partition"]);
      const history = views.history({
        spanMs: wholeNumberBetween(query, "span_ms", SPAN_MS) ?? SPAN_MS_DEFAULT,
        points: wholeNumberBetween(query, "points", POINTS) ?? POINTS_DEFAULT,
        partition: wholeNumberBetween(query, "partition", PARTITION),
      });
      return JSON.stringify(history);
    },
  });
}

const liveDocument: RouteDocument = {
  operationId: "followCluster",
  summary: "The view of the cluster, at once and again every second, over a WebSocket",
  description: "A reader that is slow is sent the newest view when it has taken the one before.",
  tag: "region",
  answers: { 101: { description: "Messages, each a JSON text.", body: LiveMessage } },
  problems: ["upgrade-required"],
};

/** In a scope of its own, so that no other route has hooks for what only this one does. */
async function addLive(
  app: FastifyInstance,
  context: RouteContext,
  { views, upgrades }: { readonly views: ClusterViews; readonly upgrades: Upgrades },
): Promise<void> {
  const feed = new LiveFeed(views, context.logger);
  const { authentication } = context;
  const schema = openApiOperation(liveDocument, LIVE_ACCESS);
  await app.register(async (scope) => {
    await scope.register(websocket, {
      options: {
        maxPayload: RECEIVED_BYTES_MAX,
        server: upgrades.to(LIVE_URL),
        handleProtocols: chosenSubprotocol,
        verifyClient: upgradeGuard({ access: LIVE_ACCESS, authentication, isForOwnPage: true }),
      },
      preClose: () => feed.close(),
      errorHandler: (error, socket) => {
        context.logger.debug({ error: error.message }, "a live feed has failed");
        socket.terminate();
      },
    });
    scope.route({
      method: "GET",
      url: LIVE_URL,
      config: { access: LIVE_ACCESS, swaggerTransform: ({ url }) => ({ schema, url }) },
      handler: (_request, reply) => {
        const detail = "the live feed is a WebSocket; GET /v1/cluster answers a plain request";
        sendProblem(reply, new ProblemError("upgrade-required", detail), context);
        return reply;
      },
      wsHandler: (socket, { raw }) => {
        const onOver = () =>
          socket.close(FEED_CLOSE_CODES.unauthenticated, "the credential is not right any more");
        const access = new LastingAccess({ request: raw, access: LIVE_ACCESS, authentication, onOver });
        socket.on("close", () => access.end());
        feed.add(socket);
      },
    });
  });
}
