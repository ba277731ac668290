/** One import: reads rows, converts them, sends them, and keeps how far it is. */
import { BODY_BYTES_MAX } from "../../protocol/http/headers.ts";
import { hash } from "node:crypto";
import { Acknowledgements, type OpenRow } from "./acknowledgements.ts";
import { Lanes } from "./lanes.ts";
import type { Mapping, RowWrite } from "./mapping.ts";
import type { RejectsFile } from "./rejects.ts";
import { RowError, type Source, type SourceRow } from "./row.ts";
import type { Fate, Sender } from "./sender.ts";
import { removeState, writeState, type ImportState } from "./state-file.ts";

const SAVE_EVERY_MS = 1_000;
/** Room for the id, which comes with the line. */
const TEXT_BYTES_MAX = BODY_BYTES_MAX - 512;

export interface RunOptions {
  readonly id: string;
  readonly collection: string;
  readonly source: Source;
  readonly mapping: Mapping;
  readonly sender: Pick<Sender, "send">;
  readonly concurrency: number;
  readonly rejects: RejectsFile;
  readonly statePath: string;
  /** What is known of an earlier run that did not come to its end. */
  readonly state: ImportState | undefined;
  /** No further rows are read. */
  readonly signal: AbortSignal;
  readonly onProgress: (counts: Counts) => void;
}

export interface Counts {
  /** Rows that are done, those of earlier runs included. */
  read: number;
  accepted: number;
  /** Of those, the ones that had been sent before. */
  replayed: number;
  rejected: number;
}

interface Sending {
  readonly id: string;
  readonly key: string;
  readonly text: string;
  readonly row: SourceRow;
  readonly open: OpenRow;
}

export class ImportRun {
  readonly counts: Counts;
  readonly #options: RunOptions;
  readonly #acknowledgements: Acknowledgements;
  readonly #lanes: Lanes<Sending>;
  #savedAtMs = performance.now();

  constructor(options: RunOptions) {
    this.#options = options;
    const { state, sender, concurrency } = options;
    const { accepted = 0, replayed = 0, rejected = 0 } = state ?? {};
    this.counts = { read: state?.last.number ?? 0, accepted, replayed, rejected };
    this.#acknowledgements = new Acknowledgements(state?.last);
    this.#lanes = new Lanes<Sending>(sender, concurrency, (sending, fate) => this.#settled(sending, fate));
  }

  /** @returns whether all rows are done; false when it was told to stop. @throws what keeps it from going on. */
  async run(): Promise<boolean> {
    const { source, state, signal, statePath } = this.#options;
    try {
      for await (const row of source.rows(state?.last)) {
        if (signal.aborted) break;
        await this.#take(row);
        this.#tell();
      }
      await this.#lanes.finish();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#save();
    }
    if (signal.aborted) return false;
    removeState(statePath);
    return true;
  }

  async #take(row: SourceRow): Promise<void> {
    const { mapping, id } = this.#options;
    const open = this.#acknowledgements.read(row);
    this.counts.read += 1;
    try {
      const write = mapping.toWrite(row);
      const text = lineText(write);
      await this.#lanes.add({ id: `${id}:${placeName(row)}`, key: write.key, text, row, open });
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      this.#reject(row, open, error.message);
    }
  }

  #settled({ row, open }: Sending, fate: Fate): void {
    if (typeof fate === "object") {
      this.#reject(row, open, fate.rejected);
      return;
    }
    this.counts.accepted += 1;
    if (fate === "replayed") this.counts.replayed += 1;
    this.#acknowledgements.done(open);
  }

  #reject(row: SourceRow, open: OpenRow, reason: string): void {
    this.counts.rejected += 1;
    this.#acknowledgements.done(open, this.#options.rejects.textOf(row, reason));
  }

  #tell(): void {
    const nowMs = performance.now();
    if (nowMs - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#savedAtMs = nowMs;
    this.#save();
    this.#options.onProgress(this.counts);
  }

  /** Rejects first: the state says how many of them there are. */
  #save(): void {
    const { rejects, statePath, id, source, collection } = this.#options;
    rejects.append(this.#acknowledgements.takeRejects());
    const { last } = this.#acknowledgements;
    if (last === undefined) return;
    const { accepted, replayed, rejected } = this.counts;
    const counts = { accepted, replayed, rejected, rejects_bytes: rejects.bytes };
    writeState(statePath, { version: 1, import: id, source: source.name, collection, last, ...counts });
  }
}

function lineText({ key, operators }: RowWrite): string {
  const text = JSON.stringify({ key, ...operators });
  if (text.length <= TEXT_BYTES_MAX / 4 || Buffer.byteLength(text) <= TEXT_BYTES_MAX) return text;
  throw new RowError(`the row makes a write of more than ${TEXT_BYTES_MAX} bytes`);
}

/** Short, and of characters that an id may have, whatever names the row. */
function placeName({ place }: SourceRow): string {
  return /^\d+$/.test(place) ? place : hash("sha256", place, "hex").slice(0, 32);
}
