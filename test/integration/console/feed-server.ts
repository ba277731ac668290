/** Serves the built page over a simulated cluster: the console's own routes, its feed, and the answers it asks for. */
import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import { WebSocketServer, type WebSocket } from "ws";
import { readConsoleFiles } from "../../../services/gateway/http/console-files.ts";
import { addConsoleRoutes } from "../../../services/gateway/http/routes/console.ts";
import type { LiveMessage } from "../../../services/protocol/cluster/view.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import * as answers from "./simulated-answers.ts";
import type { SimulatedCluster } from "./simulated-cluster.ts";
import { SessionTokens } from "../../../services/gateway/http/session-tokens.ts";

const LOOPBACK = "127.0.0.1";
const EVERY_MS = 1_000;

export interface Ordered {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}

export interface FeedServer {
  readonly url: string;
  /** Orders that the page has given, in their order. */
  readonly orders: readonly Ordered[];
  /** Drops the feed, and takes it again only once it is allowed. */
  refuseFeed(isRefused: boolean): void;
  /** Sends the next view at once. */
  push(): void;
  close(): Promise<void>;
}

/** @param folder where the page was built. */
export async function startFeedServer(cluster: SimulatedCluster, folder: string): Promise<FeedServer> {
  const app = fastify({ logger: false });
  const orders: Ordered[] = [];
  const context = {
    logger: silentLogger,
    metrics: { answered: () => undefined },
    sessionTokens: new SessionTokens(""),
  };
  addConsoleRoutes(app, { ...context, consoleFiles: readConsoleFiles(folder) });
  addAnswers(app, cluster);
  addOrders(app, cluster, orders);
  await app.listen({ host: LOOPBACK, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const feed = openFeed(app, cluster);
  return {
    url: `http://${LOOPBACK}:${port}`,
    orders,
    refuseFeed: feed.refuse,
    push: feed.push,
    close: async () => {
      feed.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function openFeed(app: FastifyInstance, cluster: SimulatedCluster) {
  const sockets = new WebSocketServer({ noServer: true });
  let isRefused = false;
  app.server.on("upgrade", (request, socket, head) => {
    if (isRefused || request.url !== "/v1/cluster/live") {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => client.send(message(cluster.view())));
  });
  const push = () => {
    const text = message(cluster.tick());
    for (const client of sockets.clients) client.send(text);
  };
  const timer = setInterval(push, EVERY_MS);
  const drop = () => {
    for (const client of sockets.clients as Set<WebSocket>) client.terminate();
  };
  return {
    push,
    refuse: (value: boolean) => {
      isRefused = value;
      if (isRefused) drop();
    },
    close: () => {
      clearInterval(timer);
      drop();
      sockets.close();
    },
  };
}

function message(view: LiveMessage["view"]): string {
  return JSON.stringify({ type: "view", view } satisfies LiveMessage);
}

function addAnswers(app: FastifyInstance, cluster: SimulatedCluster): void {
  const { regions, partitions } = cluster;
  app.get("/v1/cluster", () => cluster.view());
  app.get<{ Querystring: { span_ms: string; points: string } }>("/v1/cluster/history", ({ query }) =>
    cluster.history(Number(query.span_ms), Number(query.points)),
  );
  app.get("/v1/leader", () => answers.leaders(regions, partitions));
  app.get("/v1/log", () => answers.logs(regions, partitions));
  app.get("/v1/members", () => answers.members(regions, partitions));
  app.get("/v1/verifications", () => answers.verifications);
  app.get("/v1/verifications/:id", () => answers.verification);
  app.get("/v1/repairs", () => answers.repairs);
  app.get("/v1/conflicts", () => answers.conflicts);
  app.get("/v1/collections", () => answers.collections);
  app.get("/v1/collections/:collection/records", () => answers.records);
  app.get<{ Querystring: { consistency?: string } }>(
    "/v1/collections/:collection/records/:key",
    ({ query }) => (query.consistency === "linearizable" ? answers.committedRecord : answers.record),
  );
  app.get<{ Querystring: { before?: string } }>(
    "/v1/collections/:collection/records/:key/history",
    ({ query }) => answers.history(query.before),
  );
  app.get("/v1/operations/:id", () => answers.operation);
  app.get("/v1/chaos", () => ({
    links: regions
      .filter((region) => region !== cluster.cutRegion && cluster.cutRegion !== undefined)
      .map((to) => ({
        from: cluster.cutRegion,
        to,
        is_cut: true,
        latency_ms: 0,
        jitter_ms: 0,
        loss_percent: 0,
      })),
    paused: [],
    stopped: [],
  }));
}

function addOrders(app: FastifyInstance, cluster: SimulatedCluster, orders: Ordered[]): void {
  const order = (method: "POST" | "DELETE", path: string, answer: (body: unknown) => object) =>
    app.route({
      method,
      url: path,
      handler: ({ url, body }) => {
        orders.push({ method, url, body });
        return answer(body);
      },
    });
  order("POST", "/v1/verify", () => answers.verifications);
  order("POST", "/v1/verifications/:id/repair", (body) =>
    answers.repairReport((body as { dry_run: boolean }).dry_run),
  );
  order("POST", "/v1/conflicts/:id/restore", () => answers.restored);
  order("POST", "/v1/leader", (body) => ({
    partitions: [{ partition: 0, leader: (body as { region: string }).region }],
    hold_ms: 0,
  }));
  order("POST", "/v1/drain", () => ({}));
  order("DELETE", "/v1/drain", () => ({}));
  order("POST", "/v1/chaos", (body) => {
    const action = body as { do: string; one?: string; is_cut?: boolean };
    if (action.do === "link" && action.is_cut === true) cluster.cut(action.one!);
    else if (action.do === "kill-leader") cluster.elect();
    else cluster.heal();
    return { told: `did ${action.do}` };
  });
}
