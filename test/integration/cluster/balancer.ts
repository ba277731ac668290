/**
 * A small load balancer, as they stand in front of a region: probes /readyz, sends each request to the next process that is
 * ready, over connections that it keeps, and never sends one twice. What breaks off is the client's to see.
 */
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

const PROBE_EVERY_MS = 100;
const PROBE_TIMEOUT_MS = 1_000;

interface Target {
  readonly url: string;
  isReady: boolean;
  isProbed: boolean;
  /** Requests that it was sent. */
  sent: number;
}

export class Balancer {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #targets: Target[];
  readonly #probes: NodeJS.Timeout;
  #turn = 0;

  private constructor(urls: readonly string[]) {
    this.#targets = urls.map((url) => ({ url, isReady: true, isProbed: false, sent: 0 }));
    this.#server = createServer((incoming, response) => this.#pass(incoming, response));
    this.#probes = setInterval(() => {
      for (const target of this.#targets) if (!target.isProbed) void probe(target);
    }, PROBE_EVERY_MS);
  }

  static async open(urls: readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(urls);
    await new Promise<void>((resolve) => balancer.#server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get readyUrls(): readonly string[] {
    return this.#targets.filter(({ isReady }) => isReady).map(({ url }) => url);
  }

  sentTo(url: string): number {
    return this.#targets.find((target) => target.url === url)?.sent ?? 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#probes);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#agent.destroy();
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const ready = this.#targets.filter(({ isReady }) => isReady);
    if (ready.length === 0) {
      response.writeHead(502).end("no process is ready");
      return;
    }
    const target = ready[(this.#turn += 1) % ready.length]!;
    target.sent += 1;
    const { method, url, headers } = incoming;
    const passed = request(new URL(url!, target.url), { method, headers, agent: this.#agent }, (answer) => {
      const { connection: _ofThisHop, ...told } = answer.headers;
      response.writeHead(answer.statusCode!, told);
      answer.pipe(response);
    });
    passed.on("error", (error) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(`${target.url}: ${error.message}`);
    });
    incoming.pipe(passed);
  }
}

async function probe(target: Target): Promise<void> {
  target.isProbed = true;
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    target.isReady = (await fetch(`${target.url}/readyz`, { signal })).ok;
  } catch (error) {
    // A process that is slow to answer has not said that it leaves.
    if ((error as Error).name !== "TimeoutError") target.isReady = false;
  } finally {
    target.isProbed = false;
  }
}
