/**
 * Subscribers for `bench feed`, on a thread of their own: they note when which write reached them. Each write carries a number
 * of its own, which is all that is read of a frame.
 */
import { parentPort, workerData } from "node:worker_threads";
import { WebSocket } from "ws";

export interface FollowersOptions {
  readonly url: string;
  readonly collection: string;
  /** One for each subscriber. */
  readonly prefixes: readonly string[];
  /** Subscribers to everything that take nothing once they are connected. */
  readonly stalled: number;
}

export type FromFollowers =
  | { readonly type: "ready" }
  | { readonly type: "ended"; readonly numbers: Float64Array; readonly atMs: Float64Array };

const NUMBERS_MAX = 1 << 17;
const NUMBER = /"n":(\d+)/g;

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

async function main({ url, collection, prefixes, stalled }: FollowersOptions): Promise<void> {
  const numbers: number[] = [];
  const atMs: number[] = [];
  const sockets = await Promise.all(
    prefixes.map((prefix) => {
      // Each is told twice, pending and committed: the first time counts.
      const seen = new Uint8Array(NUMBERS_MAX);
      return follow({ url, collection, prefix }, (text) => {
        const now = nowMs();
        for (const match of text.matchAll(NUMBER)) {
          const number = Number(match[1]);
          if (seen[number] === 1) continue;
          seen[number] = 1;
          numbers.push(number);
          atMs.push(now);
        }
      });
    }),
  );
  for (let index = 0; index < stalled; index += 1) {
    const socket = await follow({ url, collection, prefix: "" }, () => undefined);
    socket.pause();
    sockets.push(socket);
  }
  parentPort!.postMessage({ type: "ready" } satisfies FromFollowers);
  parentPort!.once("message", () => {
    for (const socket of sockets) socket.terminate();
    const told = { numbers: Float64Array.from(numbers), atMs: Float64Array.from(atMs) };
    parentPort!.postMessage({ type: "ended", ...told } satisfies FromFollowers);
    parentPort!.close();
  });
}

/** Resolves once the state is told. */
function follow(
  { url, collection, prefix }: { url: string; collection: string; prefix: string },
  onChange: (text: string) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/subscribe`);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(JSON.stringify({ type: "subscribe", id: "s", collection, prefix })));
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.startsWith('{"type":"changes"')) onChange(text);
      else if (text.includes('"complete":true')) resolve(socket);
      else if (text.startsWith('{"type":"problem"')) reject(new Error(text));
    });
  });
}

await main(workerData as FollowersOptions);
