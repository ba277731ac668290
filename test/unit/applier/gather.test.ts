/** What gathers, and what is handed on at once. */
import { describe, expect, it } from "vitest";
import type { LogMessage, LogSubscription } from "../../../services/ports/global-log.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { Gather } from "../../../services/applier/gather.ts";

const REGION = "eu";
/** Longer than anything gathers for. */
const LONG_MS = 1_000;

const small = new Uint8Array(100);
const large = new Uint8Array(100_000);
const proposedBy = (origin: string): Uint8Array => encodeEntry({ kind: "propose", origin, proposals: [] });

/** A subscription that has these messages arrive, each some milliseconds after the one before; and the clock of that. */
class Arrivals implements LogSubscription {
  nowMs = 0;
  receives = 0;
  readonly clock = {
    nowMs: () => this.nowMs,
    monotonicMs: () => this.nowMs,
    turn: () => Promise.resolve(),
    after: (ms: number, call: () => void) => {
      this.nowMs += ms;
      queueMicrotask(call);
      return () => undefined;
    },
    sleep: (ms: number) => {
      this.nowMs += ms;
      return Promise.resolve();
    },
  };
  readonly #arrivals: { atMs: number; data: Uint8Array }[] = [];
  #position = 0;

  constructor(everyMs: number, datas: readonly Uint8Array[]) {
    datas.forEach((data, index) => this.#arrivals.push({ atMs: index * everyMs, data }));
  }

  receive({ timeoutMs }: { timeoutMs: number }): Promise<LogMessage[]> {
    this.receives += 1;
    const [next] = this.#arrivals;
    const endAtMs = this.nowMs + timeoutMs;
    if (next === undefined || next.atMs > endAtMs) {
      this.nowMs = endAtMs;
      return Promise.resolve([]);
    }
    this.nowMs = Math.max(this.nowMs, next.atMs);
    this.#arrivals.shift();
    this.#position += 1;
    return Promise.resolve([{ position: this.#position, storedAtMs: next.atMs, data: next.data }]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function open(arrivals: Arrivals, folded = new FoldFeed()): () => Promise<number[]> {
  const gather = new Gather({ region: REGION, partition: 0, clock: arrivals.clock, folded });
  return async () => (await gather.receive(arrivals)).map(({ position }) => position);
}

describe("gathering entries for a commit", () => {
  it("hands on at once what comes after a pause", async () => {
    const arrivals = new Arrivals(LONG_MS / 2, [small, small, small]);
    const receive = open(arrivals);
    expect([await receive(), await receive(), await receive()]).toEqual([[1], [2], [3]]);
    expect(arrivals.nowMs).toBe(LONG_MS);
  });

  it("lets small entries gather that come one after the other", async () => {
    const arrivals = new Arrivals(
      5,
      Array.from({ length: 40 }, () => small),
    );
    const receive = open(arrivals);
    expect(await receive()).toEqual([1]);
    expect((await receive()).length).toBeGreaterThan(3);
    expect((await receive()).length).toBeGreaterThan(3);
  });

  it("hands on at once what this region has proposed, with all before it", async () => {
    const arrivals = new Arrivals(5, [small, small, proposedBy(REGION), small]);
    const receive = open(arrivals);
    expect(await receive()).toEqual([1]);
    expect(await receive()).toEqual([2, 3]);
    expect(arrivals.nowMs).toBe(10);
  });

  it("lets another region's proposals gather", async () => {
    const arrivals = new Arrivals(5, [small, proposedBy("us"), small, small]);
    const receive = open(arrivals);
    expect(await receive()).toEqual([1]);
    expect(await receive()).toEqual([2, 3, 4]);
  });

  it("lets nothing gather while somebody waits for the fold", async () => {
    const arrivals = new Arrivals(5, [small, small, small]);
    const folded = new FoldFeed();
    const receive = open(arrivals, folded);
    const over = folded.expect(0);
    expect([await receive(), await receive()]).toEqual([[1], [2]]);
    over();
    expect(folded.isAwaited(0)).toBe(false);
  });

  it("hands on at once what is worth a commit", async () => {
    const arrivals = new Arrivals(5, [small, large, large]);
    const receive = open(arrivals);
    expect([await receive(), await receive(), await receive()]).toEqual([[1], [2], [3]]);
  });

  it("says now and then that nothing has come", async () => {
    const arrivals = new Arrivals(5, []);
    expect(await open(arrivals)()).toEqual([]);
    expect(arrivals.receives).toBe(1);
  });
});
