/**
 * A subscription of the client, whose connections break again and again, in one region and then in another, while all regions
 * write: it tells no committed state twice, none that is older than what it told, and the newest of each record.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../../services/client/index.ts";
import { eventually, startBed, type Bed } from "../integration/cluster/bed.ts";
import { createCollection } from "../integration/cluster/load.ts";
import { clientAt, posts } from "../integration/client/clients.ts";
import { SeededRandom } from "../simulation/random.ts";

const SEED = Number(process.env["FOREBAY_SEED"] ?? "1");
const RECONNECTS = 100;
const KEYS = Array.from({ length: 8 }, (_, index) => `key-${index}`);
const FRAMES_MAX = 6;
const WRITE_PAUSE_MS = 4;

let bed: Bed;
beforeAll(async () => {
  bed = await startBed("subscription", 4);
  await createCollection(bed, posts.name, posts.schema);
});
afterAll(() => bed.stop());

/** Connections that break after some frames, until it is enough. */
class BreakingSockets {
  connections = 0;
  readonly urls = new Set<string>();
  readonly #random = new SeededRandom(SEED);

  get constructorOfSockets(): SocketConstructor {
    const open = (url: string, protocols: string[]) => this.#open(url, protocols);
    return function Breaking(url: string, protocols: string[]) {
      return open(url, protocols);
    } as unknown as SocketConstructor;
  }

  #open(url: string, protocols: string[]): WebSocket {
    this.connections += 1;
    const socket = new WebSocket(url, protocols);
    this.urls.add(url);
    if (this.connections > RECONNECTS) return socket;
    // One that breaks before its first frame sends the client on, beyond the two nearest regions.
    let left = this.#random.integer(0, FRAMES_MAX);
    if (left === 0) socket.on("open", () => socket.terminate());
    socket.on("message", () => {
      left -= 1;
      if (left === 0) socket.terminate();
    });
    return socket;
  }
}

/** Writes in all regions in turn. @returns how often each record was liked. */
async function writeUntil(isOver: () => boolean): Promise<Map<string, number>> {
  const writers = bed.cluster.regions.map(({ name, url }) =>
    clientAt(bed, name, { regions: { [name]: url } }).collection(posts),
  );
  const likes = new Map<string, number>();
  for (let count = 0; !isOver(); count += 1) {
    const key = KEYS[count % KEYS.length]!;
    await writers[count % writers.length]!.write(key, { inc: { likes: 1 }, set: { last: count } });
    likes.set(key, (likes.get(key) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, WRITE_PAUSE_MS));
  }
  return likes;
}

class Told {
  readonly faults: string[] = [];
  readonly likes = new Map<string, number>();
  readonly #positions = new Map<string, number>();
  readonly #pending = new Set<string>();

  pending(key: string): void {
    this.#pending.add(key);
  }

  /** The same once more where another region knows nothing of what was pending. */
  committed(key: string, sequence: number, likes: number): void {
    const before = this.#positions.get(key) ?? 0;
    const isAgain = sequence === before && !this.#pending.has(key);
    this.#pending.delete(key);
    if (sequence < before || isAgain) this.faults.push(`${key}: ${sequence} after ${before}`);
    if (likes < (this.likes.get(key) ?? 0)) this.faults.push(`${key}: ${likes} likes after more`);
    this.#positions.set(key, sequence);
    this.likes.set(key, likes);
  }
}

describe("a subscription over a hundred broken connections, in all regions", () => {
  it("has neither gap nor duplicate", async () => {
    const sockets = new BreakingSockets();
    const client = clientAt(bed, "eu", { webSocket: sockets.constructorOfSockets });
    const controller = new AbortController();
    const told = new Told();
    const pendingTold = new Map<string, Set<string>>();
    let completed = 0;
    const following = (async () => {
      for await (const batch of client.collection(posts).subscribe({ signal: controller.signal })) {
        if (batch.isComplete) completed += 1;
        // Until all of the state was told, it begins anew with each connection.
        if (batch.type === "state") continue;
        for (const { key, version, pending, position, fields } of batch.records) {
          const before = pendingTold.get(key) ?? new Set();
          if (pending > 0) {
            told.pending(key);
            if (before.has(version)) told.faults.push(`pending ${key} ${version} again`);
            pendingTold.set(key, before.add(version));
            continue;
          }
          // Where another region knew nothing of it, its own one tells it anew.
          pendingTold.delete(key);
          if (position !== undefined) told.committed(key, position.sequence, fields!.likes!);
        }
      }
    })();
    following.catch((error: unknown) => told.faults.push(String(error)));
    let isOver = false;
    const writing = writeUntil(() => isOver);
    try {
      await eventually(`${RECONNECTS} connections have broken`, () =>
        sockets.connections > RECONNECTS || told.faults.length > 0 ? true : undefined,
      );
    } finally {
      isOver = true;
    }
    const likes = await writing;
    await eventually("the newest state of each record was told", () => {
      const missing = KEYS.filter((key) => told.likes.get(key) !== likes.get(key));
      if (missing.length > 0) throw new Error(missing.map((key) => `${key}: ${told.likes.get(key)}`).join());
      return true;
    });
    controller.abort();
    await following;
    expect(told.faults).toEqual([]);
    expect(completed).toBe(1);
    expect(sockets.urls.size).toBe(3);
  });
});
