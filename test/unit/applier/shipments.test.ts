/** How long a batch took by stage: by its oldest operation that is new, and not at all where nothing is. */
import { describe, expect, it } from "vitest";
import { Shipments } from "../../../services/applier/shipments.ts";
import type { BatchEntry, OrderedEntry } from "../../../services/core/entry.ts";
import { INITIAL_ORIGIN } from "../../../services/core/fold/state.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";

/** Operations of `eu`, accepted at ten times their sequence. */
function batch(first: number, last: number): BatchEntry {
  const operations = Array.from({ length: last - first + 1 }, (_, index) => ({
    text: "",
    operation: {
      id: String(first + index),
      tenant: "t",
      collection: "c",
      key: "k",
      hlc: hlcFromMilliseconds((first + index) * 10),
      seen: 0,
      requestHash: "",
      changes: [],
    },
  }));
  return { kind: "batch", origin: "eu", epoch: 1, first, last, previous: ZERO_HASH, operations };
}

function ordered(position: number, storedAtMs: number, entry: OrderedEntry["entry"]): OrderedEntry {
  return { position, storedAtMs, checksum: "", entry };
}

const message = (position: number, receivedAtMs?: number) => ({
  position,
  storedAtMs: 0,
  data: new Uint8Array(),
  ...(receivedAtMs !== undefined && { receivedAtMs }),
});

const origins = (watermark: number) => ({ eu: { ...INITIAL_ORIGIN, watermark } });

describe("shipments", () => {
  it("are split at what the log says and at when messages came", () => {
    const shipments = new Shipments();
    shipments.received([message(7, 160)], 999);
    const entries = [ordered(7, 130, batch(5, 9))];
    expect(shipments.committed(entries, { origins: origins(4), nowMs: 200 })).toEqual([
      { origin: "eu", bufferMs: 80, logMs: 30, foldMs: 40, totalMs: 150 },
    ]);
  });

  it("count from the oldest operation that was not folded before", () => {
    const shipments = new Shipments();
    shipments.received([message(7), message(8)], 150);
    const entries = [ordered(7, 130, batch(1, 9)), ordered(8, 140, batch(8, 12))];
    const found = shipments.committed(entries, { origins: origins(5), nowMs: 150 });
    // Sequence 6, accepted at 60; then 10, accepted at 100.
    expect(found.map(({ bufferMs }) => bufferMs)).toEqual([70, 40]);
  });

  it("are none where a batch is all known, comes too early, or is of a stranger", () => {
    const shipments = new Shipments();
    const found = (watermark: number) =>
      shipments.committed([ordered(7, 130, batch(5, 9))], { origins: origins(watermark), nowMs: 200 });
    expect([found(9), found(3)]).toEqual([[], []]);
    expect(shipments.committed([ordered(7, 130, batch(1, 2))], { origins: {}, nowMs: 200 })).toEqual([]);
  });

  it("never take less than nothing, whatever the clocks say", () => {
    const shipments = new Shipments();
    shipments.received([message(1, 5)], 5);
    const entries = [ordered(1, 3, batch(1, 1))];
    expect(shipments.committed(entries, { origins: origins(0), nowMs: 4 })).toEqual([
      { origin: "eu", bufferMs: 0, logMs: 2, foldMs: 0, totalMs: 0 },
    ]);
  });
});
