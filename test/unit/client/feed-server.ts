/** A server of the feed for tests, over real WebSockets and plain HTTP: one log of committed states, told by the contract. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { RecordState, ServerFrame, SubscribeFrame } from "../../../services/protocol/http/feed.ts";

interface Outlet {
  send(text: string): Promise<void>;
  terminate(): void;
  isOpen(): boolean;
}

export class FeedServer {
  /** Of which the cursor is the length. */
  readonly log: RecordState[] = [];
  /** Told beside the log, as pending, to whoever connects. */
  pending: RecordState[] = [];
  /** Frames before a connection is broken. */
  breakAfter = Infinity;
  connections = 0;
  /** What each has asked for. */
  readonly asked: Partial<SubscribeFrame>[] = [];
  /** Frames that were sent over HTTP. */
  sentOverHttp = 0;
  /** By credential: refuses it with the status. */
  refusal: (token: string | undefined) => number | undefined = () => undefined;
  readonly #http = createServer((request, response) => this.#answer(request, response));
  readonly #sockets = new WebSocketServer({
    server: this.#http,
    handleProtocols: () => "forebay.v1",
    verifyClient: ({ req }: { req: IncomingMessage }, done: (isLetIn: boolean, status?: number) => void) => {
      const token = /forebay\.bearer\.([^,]*)/.exec(req.headers["sec-websocket-protocol"] ?? "")?.[1];
      const status = this.refusal(token);
      done(status === undefined, status);
    },
  });
  readonly #subscribers = new Set<() => void>();

  static async start(): Promise<FeedServer> {
    const server = new FeedServer();
    server.#sockets.on("connection", (socket) => server.#serve(socket));
    server.#http.listen(0, "127.0.0.1");
    await once(server.#http, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  commit(key: string, fields: Record<string, unknown>): void {
    const sequence = this.log.length + 1;
    const position = { partition: 0, sequence };
    this.log.push({ collection: "posts", key, fields, version: String(sequence), pending: 0, position });
    for (const tell of this.#subscribers) tell();
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  breakConnections(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  async close(): Promise<void> {
    this.breakConnections();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, "close");
  }

  #serve(socket: WebSocket): void {
    this.connections += 1;
    socket.on("error", () => undefined);
    const outlet: Outlet = {
      send: (text) => Promise.resolve(socket.send(text)),
      terminate: () => socket.terminate(),
      isOpen: () => socket.readyState === socket.OPEN,
    };
    socket.once("message", (data: Buffer) => {
      const leave = this.#subscribe(outlet, JSON.parse(data.toString()) as SubscribeFrame);
      socket.on("close", leave);
    });
  }

  #answer({ url, headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url!, this.url);
    const status =
      pathname === "/v1/changes" ? this.refusal(headers.authorization?.replace("Bearer ", "")) : 404;
    if (status !== undefined) {
      const type = `urn:forebay:problem:${status === 401 ? "unauthenticated" : "forbidden"}`;
      response.writeHead(status).end(JSON.stringify({ type, title: "no", status, retry: "never" }));
      return;
    }
    this.connections += 1;
    response.writeHead(200);
    const outlet: Outlet = {
      send: async (text) => {
        this.sentOverHttp += 1;
        const isTaken = new Promise<void>((resolve) => {
          response.write(`${text}\n`, () => resolve());
        });
        await isTaken;
      },
      terminate: () => response.destroy(),
      isOpen: () => !response.destroyed,
    };
    const after = searchParams.get("after");
    const leave = this.#subscribe(outlet, { id: "1", ...(after !== null && { cursor: after }) });
    response.on("close", leave);
  }

  /** @returns how to leave. */
  #subscribe(outlet: Outlet, asked: Partial<SubscribeFrame>): () => void {
    this.asked.push(asked);
    const { id = "1", cursor } = asked;
    let told = Number(cursor ?? 0);
    let frames = 0;
    const send = async (frame: ServerFrame) => {
      if (frames === this.breakAfter) outlet.terminate();
      else await outlet.send(JSON.stringify(frame));
      frames += 1;
    };
    const tell = async () => {
      while (told < this.log.length && outlet.isOpen()) {
        const record = this.log[told]!;
        told += 1;
        await send({ type: "changes", id, records: [record], cursor: String(told) });
      }
    };
    const follow = () => void tell();
    const begin = async () => {
      if (cursor === undefined) {
        const newest = new Map(this.log.map((record) => [record.key, record]));
        told = this.log.length;
        for (const record of newest.values()) await send({ type: "state", id, records: [record] });
        await send({ type: "state", id, records: [], complete: true, cursor: String(told) });
      }
      for (const record of this.pending)
        await send({ type: "changes", id, records: [record], cursor: String(told) });
      await tell();
      if (outlet.isOpen()) this.#subscribers.add(follow);
    };
    void begin();
    return () => this.#subscribers.delete(follow);
  }
}
