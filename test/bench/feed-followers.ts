/**
 * Subscribers for `bench feed`, on a thread of their own: they note when which write reached them, and whether a record ever
 * went back. Each write carries a number of its own, which is all that is looked for in the bytes of a frame: to parse
 * 200,000 changes a second would take the processor from the region that is measured.
 */
import { parentPort, workerData } from "node:worker_threads";
import { WebSocket } from "ws";

export interface FollowersOptions {
  readonly url: string;
  readonly collection: string;
  /** How many records there are: writes with numbers that are equal modulo this are of one record. */
  readonly keys: number;
  /** One for each subscriber. */
  readonly prefixes: readonly string[];
  /** Subscribers to everything that take nothing once they are connected. */
  readonly stalled: number;
}

export type FromFollowers =
  | { readonly type: "ready" }
  | {
      readonly type: "ended";
      readonly numbers: Float64Array;
      readonly atMs: Float64Array;
      /** Deliveries of a record as it was before what was delivered already. */
      readonly backwards: number;
    };

const NUMBERS_MAX = 1 << 17;
const FIELD = Buffer.from('"n":');
const ZERO = "0".charCodeAt(0);
const NINE = "9".charCodeAt(0);
const CHANGES = '{"type":"changes"';
const STATE_TOLD = '"complete":true';
const PROBLEM = '{"type":"problem"';

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The numbers of a frame's changes, in its order. */
function* numbersOf(frame: Buffer): Generator<number> {
  let at = frame.indexOf(FIELD);
  while (at !== -1) {
    let number = 0;
    for (at += FIELD.length; frame[at]! >= ZERO && frame[at]! <= NINE; at += 1) {
      number = number * 10 + frame[at]! - ZERO;
    }
    yield number;
    at = frame.indexOf(FIELD, at);
  }
}

async function main({ url, collection, keys, prefixes, stalled }: FollowersOptions): Promise<void> {
  const numbers: number[] = [];
  const atMs: number[] = [];
  let backwards = 0;
  const sockets = await Promise.all(
    prefixes.map((prefix) => {
      // Each is told twice, pending and committed: the first time counts.
      const seen = new Uint8Array(NUMBERS_MAX);
      const newest = new Uint32Array(keys);
      return follow({ url, collection, prefix }, (frame) => {
        const now = nowMs();
        for (const number of numbersOf(frame)) {
          const key = number % keys;
          if (number < newest[key]!) backwards += 1;
          else newest[key] = number;
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
    const told = { numbers: Float64Array.from(numbers), atMs: Float64Array.from(atMs), backwards };
    parentPort!.postMessage({ type: "ended", ...told } satisfies FromFollowers);
    parentPort!.close();
  });
}

/** Resolves once the state is told. */
function follow(
  { url, collection, prefix }: { url: string; collection: string; prefix: string },
  onChange: (frame: Buffer) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/subscribe`);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(JSON.stringify({ type: "subscribe", id: "s", collection, prefix })));
    socket.on("message", (frame: Buffer) => {
      if (frame.toString("latin1", 0, CHANGES.length) === CHANGES) onChange(frame);
      else if (frame.includes(STATE_TOLD)) resolve(socket);
      else if (frame.toString("latin1", 0, PROBLEM.length) === PROBLEM) reject(new Error(frame.toString()));
    });
  });
}

await main(workerData as FollowersOptions);
