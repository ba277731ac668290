/**
 * Rows on their way to the region: as many requests at once as there are lanes. Rows of one key go through one lane, one
 * request after the other, so that they take effect in the order of the source.
 */
import { createHash } from "node:crypto";
import type { Fate, Outgoing, Sender } from "./sender.ts";

const LINES_MAX = 500;
/** Fewer are not worth a request of their own, as long as more may come. */
const LINES_MIN = 200;
/** Well below what a request may have, also with one row more. */
const BYTES_MAX = 512 * 1024;

/** Of a line, around the id that it is sent with. */
const AROUND_ID_BYTES = 16;

interface Batch<Row> {
  rows: Row[];
  bytes: number;
}

interface Lane<Row> {
  filling: Batch<Row>;
  sending: Promise<void> | undefined;
}

export class Lanes<Row extends Outgoing & { readonly key: string }> {
  readonly #lanes: Lane<Row>[];
  readonly #sender: Pick<Sender, "send">;
  readonly #settled: (row: Row, fate: Fate) => void;
  #failure: { readonly error: unknown } | undefined;

  constructor(sender: Pick<Sender, "send">, count: number, settled: (row: Row, fate: Fate) => void) {
    this.#sender = sender;
    this.#settled = settled;
    this.#lanes = Array.from({ length: count }, () => ({
      filling: { rows: [], bytes: 0 },
      sending: undefined,
    }));
  }

  /** Resolves once there is room for the next one. @throws what a lane has failed with. */
  async add(row: Row): Promise<void> {
    const lane = this.#lanes[laneOf(row.key, this.#lanes.length)]!;
    lane.filling.rows.push(row);
    lane.filling.bytes += Buffer.byteLength(row.text) + row.id.length + AROUND_ID_BYTES;
    this.#pump(lane, LINES_MIN);
    while (isFull(lane.filling) && this.#failure === undefined) await lane.sending;
    this.#check();
  }

  /** Resolves when all are settled. @throws what a lane has failed with. */
  async finish(): Promise<void> {
    for (const lane of this.#lanes) {
      while (this.#failure === undefined && lane.filling.rows.length > 0) {
        this.#pump(lane, 1);
        await lane.sending;
      }
    }
    await Promise.all(this.#lanes.map((lane) => lane.sending ?? Promise.resolve()));
    this.#check();
  }

  /** While one request is on its way, the next one gathers; it goes as soon as that is answered. */
  #pump(lane: Lane<Row>, linesMin: number): void {
    const { rows, bytes } = lane.filling;
    if (lane.sending !== undefined || this.#failure !== undefined) return;
    if (rows.length < linesMin && bytes < BYTES_MAX) return;
    lane.filling = { rows: [], bytes: 0 };
    const sent = this.#sender.send(rows, this.#settled).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    lane.sending = sent.then(() => {
      lane.sending = undefined;
      this.#pump(lane, LINES_MIN);
    });
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function isFull({ rows, bytes }: Batch<unknown>): boolean {
  return rows.length >= LINES_MAX || bytes >= BYTES_MAX;
}

function laneOf(key: string, count: number): number {
  if (count === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % count;
}

/** The same for the same rows with the same options, whoever imports them again. */
export function importIdOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}
