/** A way to a PostgreSQL server that can turn into a black hole: connections are taken, and nothing is ever said on them. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class SwallowingProxy {
  readonly #server: Server;
  readonly #target: URL | undefined;
  /** Of clients, and their counterparts to the server. */
  readonly #pairs = new Map<Socket, Socket | undefined>();
  /** Connections that were ever taken. */
  taken = 0;
  isSwallowing = false;

  private constructor(target: URL | undefined) {
    this.#target = target;
    this.#server = createServer((client) => this.#take(client));
  }

  /** @param target what the connections lead to while nothing is swallowed; without it everything is. */
  static async start(target?: string): Promise<SwallowingProxy> {
    const proxy = new SwallowingProxy(target === undefined ? undefined : new URL(target));
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#pairs.size;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    const url = new URL(this.#target ?? "postgres://forebay:secret@127.0.0.1/forebay");
    url.host = `127.0.0.1:${port}`;
    return url.href;
  }

  async stop(): Promise<void> {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server?.destroy();
    }
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(client: Socket): void {
    this.taken += 1;
    // What is swallowed once stays so: bytes are missing.
    const server =
      this.#target === undefined || this.isSwallowing
        ? undefined
        : connect(Number(this.#target.port), this.#target.hostname);
    this.#pairs.set(client, server);
    client.on("error", () => undefined);
    client.on("data", (bytes) => {
      if (!this.isSwallowing) server?.write(bytes);
    });
    client.once("close", () => {
      this.#pairs.delete(client);
      server?.destroy();
    });
    server?.on("error", () => undefined);
    server?.on("data", (bytes) => {
      if (!this.isSwallowing) client.write(bytes);
    });
    server?.once("close", () => {
      if (!this.isSwallowing) client.destroy();
    });
  }
}
