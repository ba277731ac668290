/** An entry counts in the name of whoever has published it, and in nobody else's. */
import { describe, expect, it } from "vitest";
import { publisherOf } from "../../../services/adapters/jetstream/stream-config.ts";
import type { Entry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { initialPartitionState } from "../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { orderedEntry, type PublishedMessage } from "../../../services/protocol/ordered-entry.ts";

const CLUSTER = "00000000-0000-4000-8000-000000000001";
const GENESIS = {
  kind: "genesis",
  cluster: CLUSTER,
  partition: 0,
  partitions: 1,
  members: ["eu", "us"],
} as const;
const TICK = {
  kind: "tick",
  origin: "us",
  hlc: hlcFromMilliseconds(5),
  walHead: 0,
  appliedPosition: 1,
  chain: ZERO_HASH,
  software: "test",
  reads: 7,
} as const;
const EPOCH = {
  kind: "epoch",
  origin: "eu",
  id: CLUSTER,
  cluster: CLUSTER,
  partition: 0,
  epoch: 1,
  chain: ZERO_HASH,
} as const;

function published(entry: Exclude<Entry, { kind: "batch" }>, publisher: string | undefined, position = 2) {
  return { position, storedAtMs: 1_000 + position, data: encodeEntry(entry), publisher };
}

function fold(...messages: PublishedMessage[]) {
  const entries = messages.map(orderedEntry);
  const slice = { records: new Map(), operations: new Map() };
  return foldEntries({ state: initialPartitionState(0), slice, entries });
}

describe("the publisher", () => {
  it.each([
    ["forebay.log.0.eu", "eu"],
    ["forebay.log.1.eu", "forebay.log.1.eu"],
    ["forebay.log.00.eu", "forebay.log.00.eu"],
    ["forebay.rebuild.0", undefined],
    ["forebay.rebuild.1", "forebay.rebuild.1"],
  ])("of what was published to %s is %s", (subject, publisher) => {
    expect(publisherOf(0, subject)).toBe(publisher);
  });
});

describe("an entry", () => {
  it("counts where its origin has published it", () => {
    const { state, counts } = fold(published(GENESIS, "eu", 1), published(TICK, "us"));
    expect(state.origins["us"]).toMatchObject({ tick: { appliedPosition: 1 } });
    expect(counts.forged).toBe(0);
  });

  it.each(["eu", "forebay.log.1.us"])(
    "changes nothing but the position where %s has published it",
    (publisher) => {
      const { state, counts, changedOrigins } = fold(published(GENESIS, "eu", 1), published(TICK, publisher));
      expect(state).toMatchObject({ position: 2, logTimeMs: 1_002 });
      expect(state.origins["us"]).toEqual(state.origins["eu"]);
      expect([...changedOrigins]).toEqual(["eu", "us"]);
      expect(counts).toMatchObject({ forged: 1, strangers: 0 });
    },
  );

  it("moves the hash chain on like any other, so that all regions agree on what was there", () => {
    const honest = fold(published(GENESIS, "eu", 1), published(TICK, "us"));
    const forged = fold(published(GENESIS, "eu", 1), published(TICK, "eu"));
    expect(forged.state.chain).toBe(honest.state.chain);
  });

  it("makes no log anew that a region has published, in its own name either, and does not stop it", () => {
    const { state, counts } = fold(published(GENESIS, "eu", 1), published(EPOCH, "eu"));
    expect(state).toMatchObject({ position: 2, logEpoch: 0 });
    expect(counts.forged).toBe(1);
  });

  it("counts that was put there with the log", () => {
    expect(orderedEntry(published(EPOCH, undefined)).entry.kind).toBe("epoch");
  });
});
