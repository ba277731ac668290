/**
 * What a relay works with, as small as it can be: a WAL, a log that takes, loses, doubles and delays publishes, and the
 * real fold. Every effect of the relay is checked as it comes; the test decides what happens next.
 */
import { expect } from "vitest";
import type { BatchEntry, OrderedEntry } from "../../../services/core/entry.ts";
import { foldEntries } from "../../../services/core/fold/fold.ts";
import { initialPartitionState, NO_COUNTS, type FoldCounts } from "../../../services/core/fold/state.ts";
import { chain, sha256, ZERO_HASH } from "../../../services/core/hash.ts";
import { advanceHlc, hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { WalRow } from "../../../services/ports/region-store.ts";
import { encodeOperation } from "../../../services/protocol/entry-codec.ts";
import { decodeChanges } from "../../../services/protocol/change-codec.ts";
import {
  startRelay,
  stepRelay,
  RETRIES_MAX,
  type Batch,
  type RelayEffect,
  type RelayEvent,
  type RelayState,
} from "../../../services/relay/step.ts";
import { WINDOW_MAX, WINDOW_MIN } from "../../../services/relay/window.ts";

export const ORIGIN = "eu";
const EPOCH = 2;

export function walRow(sequence: number): WalRow {
  return {
    sequence,
    id: uuidOf("operation", String(sequence)),
    tenant: "default",
    collection: "things",
    key: `key-${sequence % 3}`,
    hlc: advanceHlc(hlcFromMilliseconds(1_000), sequence),
    seen: 0,
    requestHash: sha256(String(sequence)),
    body: '[["total","counter","inc",1]]',
  };
}

export class RelayModel {
  state: RelayState;
  readonly rows: WalRow[] = [];
  /** Chain heads of the WAL, by sequence. */
  readonly chains: string[] = [ZERO_HASH];
  readonly log: OrderedEntry[] = [];
  readonly outcomes: string[] = [];
  counts: FoldCounts = NO_COUNTS;
  reads: number[] = [];
  pauses = 0;
  publishes: Batch[] = [];
  /** Publishes that the relay has given up and that the log may still take. */
  late: Batch[] = [];
  /** Looks at the fold that have not reached the relay. */
  looks: { position: number; sequence: number; chain: string }[] = [];
  nowMs = 0;
  /** By how many entries the slowest other region is behind what the relay hears. */
  regionsBehind = 0;
  #fold = initialPartitionState(0);
  #records = new Map<string, never>();
  /** Where a batch may begin: behind what was published before it, or behind what the relay knows to be folded. */
  #published: number | undefined;

  constructor() {
    this.#store({
      kind: "genesis",
      cluster: uuidOf("cluster"),
      partition: 0,
      partitions: 1,
      members: [ORIGIN, "us"],
    });
    this.fold(1);
    const { position, sequence, chain: head } = this.#look();
    this.state = startRelay({ epoch: EPOCH, folded: { position, sequence, chain: head } });
  }

  get watermark(): number {
    return this.#fold.origins[ORIGIN]!.watermark;
  }

  append(count: number): void {
    for (let added = 0; added < count; added += 1) {
      const row = walRow(this.rows.length + 1);
      this.rows.push(row);
      this.chains.push(chain(this.chains.at(-1)!, encodeOperation(row)));
    }
  }

  dispatch(event: RelayEvent): readonly RelayEffect[] {
    const { state, effects } = stepRelay(this.state, event);
    this.state = state;
    if (event.type === "resumed") this.#published = undefined;
    for (const effect of effects) this.#take(effect);
    expect(state.inFlight.length + state.unfolded.length).toBeLessThanOrEqual(WINDOW_MAX);
    expect(state.window.size).toBeGreaterThanOrEqual(WINDOW_MIN);
    expect(state.window.size).toBeLessThanOrEqual(WINDOW_MAX);
    expect(state.retries).toBeGreaterThanOrEqual(0);
    expect(state.retries).toBeLessThanOrEqual(RETRIES_MAX);
    expect(new Set(state.inFlight.map(({ last }) => last))).toEqual(
      new Set(this.publishes.map((batch) => batch.last)),
    );
    expect(state.inFlight.length).toBe(this.publishes.length);
    expect(state.isReading).toBe(this.reads.length === 1);
    expect(state.isPausing).toBe(this.pauses === 1);
    expect(state.cursor.chain).toBe(this.chains[state.cursor.sequence]);
    return effects;
  }

  #take(effect: RelayEffect): void {
    switch (effect.type) {
      case "read":
        expect(this.reads).toEqual([]);
        this.reads.push(effect.after);
        return;
      case "pause":
        expect(this.publishes).toEqual([]);
        expect(this.pauses).toBe(0);
        this.pauses += 1;
        return;
      case "publish":
        this.#checkBatch(effect.batch);
        this.publishes.push(effect.batch);
        return;
    }
  }

  #checkBatch(batch: Batch): void {
    const { first, last, previous, lines, epoch } = batch;
    expect([this.#published, this.state.folded.sequence]).toContain(first - 1);
    expect(epoch).toBe(EPOCH);
    expect(lines).toEqual(this.rows.slice(first - 1, last).map(encodeOperation));
    expect(lines.length).toBe(last - first + 1);
    expect(previous).toBe(this.chains[first - 1]);
    expect(this.state.phase).toBe("streaming");
    this.#published = last;
  }

  /** Answers the read that waits with the rows as they are now. */
  answerRead(rowsMax: number): void {
    const after = this.reads.shift();
    if (after === undefined) return;
    const rows = this.rows.slice(after, after + rowsMax);
    this.dispatch({ type: "read", after, rows, isFull: rows.length === rowsMax, nowMs: this.nowMs });
  }

  resume(): void {
    if (this.pauses === 0) return;
    this.pauses -= 1;
    this.dispatch({ type: "resumed" });
  }

  /** Ends the publish of the given rank, which may not be the oldest. */
  settle(rank: number, end: "acknowledged" | "acknowledged twice" | "answer lost" | "lost" | "late"): void {
    const [batch] = this.publishes.splice(rank % Math.max(1, this.publishes.length), 1);
    if (batch === undefined) return;
    const { last } = batch;
    if (end === "acknowledged" || end === "acknowledged twice") {
      const position = this.land(batch);
      if (end === "acknowledged twice") this.land(batch);
      this.dispatch({ type: "acknowledged", last, position });
      return;
    }
    if (end === "answer lost") this.land(batch);
    if (end === "late") this.late.push(batch);
    this.dispatch({ type: "failed", last });
  }

  /** What the relay of this origin before this one had sent, and the log takes only now. */
  landOfPredecessor(first: number, length: number): void {
    const rows = this.rows.slice(first - 1, first - 1 + length);
    if (rows.length === 0) return;
    const last = first + rows.length - 1;
    const lines = rows.map(encodeOperation);
    this.land({ epoch: 1, first, last, previous: this.chains[first - 1]!, lines, traces: [] });
  }

  land(batch: Batch): number {
    const { epoch, first, last, previous, lines } = batch;
    const operations = lines.map((text, index) => {
      const { body, ...row } = this.rows[first - 1 + index]!;
      return { operation: { ...row, changes: decodeChanges(body) }, text };
    });
    return this.#store({ kind: "batch", origin: ORIGIN, epoch, first, last, previous, operations });
  }

  #store(entry: OrderedEntry["entry"] & (BatchEntry | { kind: "genesis" })): number {
    const position = this.log.length + 1;
    this.log.push({ position, storedAtMs: 2_000 + position, checksum: sha256(`entry ${position}`), entry });
    return position;
  }

  /** The own fold takes so many more entries. */
  fold(count: number): void {
    const { position } = this.#fold;
    const entries = this.log.slice(position, position + count);
    const slice = { records: this.#records, operations: new Map(this.outcomes.map((id) => [id, 1])) };
    const result = foldEntries({ state: this.#fold, slice, entries });
    this.#fold = result.state;
    for (const [id, record] of result.records) this.#records.set(id, record as never);
    this.outcomes.push(...result.outcomes.map((outcome) => outcome.id));
    this.counts = Object.fromEntries(
      Object.entries(this.counts).map(([name, number]) => [
        name,
        number + result.counts[name as keyof FoldCounts],
      ]),
    ) as unknown as FoldCounts;
  }

  #look() {
    const { watermark, chain: head } = this.#fold.origins[ORIGIN]!;
    return { position: this.#fold.position, sequence: watermark, chain: head };
  }

  /** The relay looks at the fold; it will hear of it later. */
  lookAtFold(): void {
    this.looks.push(this.#look());
  }

  hear(): void {
    const look = this.looks.shift();
    if (look !== undefined) {
      const slowest = Math.max(0, look.position - this.regionsBehind);
      this.dispatch({ type: "folded", ...look, slowest, nowMs: this.nowMs });
    }
  }

  /** One round in which everything goes well. */
  calmRound(): void {
    this.answerRead(1_000);
    while (this.publishes.length > 0) this.settle(0, "acknowledged");
    this.fold(this.log.length);
    this.lookAtFold();
    while (this.looks.length > 0) this.hear();
    this.resume();
    this.dispatch({ type: "wake" });
  }
}
