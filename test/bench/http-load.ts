/**
 * A closed loop of HTTP/1.1 requests over many connections, made cheap: on a machine that client and server share, a
 * load generator that costs more than the server measures itself. It reads the status and the length of each answer.
 */
import { connect, type Socket } from "node:net";

export interface LoadOptions {
  readonly url: string;
  /** What requests come with. */
  readonly key?: string | undefined;
  readonly connections: number;
  readonly seconds: number;
  /** Sent in turn by all connections together. */
  readonly requests: readonly LoadRequest[];
}

export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers without 2xx, and connections that broke. */
  readonly errors: number;
}

const HEADER_END = "\r\n\r\n";
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

export async function fireLoad(options: LoadOptions): Promise<LoadResult> {
  const { hostname, port, host } = new URL(options.url);
  const texts = options.requests.map((request) => toBuffer(request, host, options.key));
  const run = new LoadRun(texts, performance.now() + options.seconds * 1_000);
  const startedAtMs = performance.now();
  await Promise.all(
    Array.from({ length: options.connections }, () =>
      run.connection(connect({ host: hostname, port: Number(port) })),
    ),
  );
  return run.result((performance.now() - startedAtMs) / 1_000);
}

function toBuffer({ method, path, body }: LoadRequest, host: string, key: string | undefined): Buffer {
  const headers = [
    `Host: ${host}`,
    "Content-Type: application/json",
    ...(key === undefined ? [] : [`Authorization: Bearer ${key}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join("\r\n")}${HEADER_END}${body}`);
}

class LoadRun {
  readonly #requests: readonly Buffer[];
  readonly #endAtMs: number;
  readonly #latenciesMs: number[] = [];
  #next = 0;
  #errors = 0;

  constructor(requests: readonly Buffer[], endAtMs: number) {
    this.#requests = requests;
    this.#endAtMs = endAtMs;
  }

  /** Sends the next request when the last one is answered; resolves when the time is over. */
  connection(socket: Socket): Promise<void> {
    socket.setNoDelay(true);
    return new Promise((resolve) => {
      let sentAtMs = 0;
      let received = "";
      let isOver = false;
      const finish = () => {
        isOver = true;
        socket.destroy();
        resolve();
      };
      const send = () => {
        sentAtMs = performance.now();
        if (sentAtMs >= this.#endAtMs) return finish();
        socket.write(this.#requests[this.#next++ % this.#requests.length]!);
      };
      socket.on("connect", send);
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1");
        const status = completeStatus(received);
        if (status === undefined) return;
        received = "";
        this.#latenciesMs.push(performance.now() - sentAtMs);
        if (status < 200 || status > 299) this.#errors += 1;
        send();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        if (isOver) return;
        this.#errors += 1;
        resolve();
      });
    });
  }

  result(seconds: number): LoadResult {
    const sorted = this.#latenciesMs.toSorted((one, other) => one - other);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      requestsPerSecond: sorted.length / seconds,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      errors: this.#errors,
    };
  }
}

/** The status of an answer that has arrived whole; undefined while it has not. */
function completeStatus(text: string): number | undefined {
  const headerEnd = text.indexOf(HEADER_END);
  if (headerEnd === -1) return undefined;
  const length = Number(CONTENT_LENGTH.exec(text)?.[1] ?? Number.NaN);
  const isWhole = text.length >= headerEnd + HEADER_END.length + length;
  return isWhole ? Number(text.slice(9, 12)) : undefined;
}
