/**
 * One region's state of a partition at a barrier, for as long as somebody asks about it.
 *
 *   snapshot → digested in the background → questions: its nodes, rows of leaves, records, the rest → closed
 */
import { assert } from "../core/assert.ts";
import { recordIdText } from "../core/operation.ts";
import { DigestTree } from "../core/verify/digest-tree.ts";
import { ownRest } from "./rest.ts";
import {
  SNAPSHOT_ROWS_MAX,
  type PartitionSnapshot,
  type RestDigests,
  type RowDigest,
} from "../ports/partition-snapshot.ts";
import { describeError } from "../runtime/describe-error.ts";
import {
  decodeVerifyRequest,
  encodeVerifyAnswer,
  encodeVerifyRefusal,
  OtherVersionError,
  partsOf,
  toNames,
  VERIFY_TEXT_BYTES_MAX,
  type CheckpointState,
  type VerifyRequest,
} from "../protocol/verify-message.ts";

/** Rows of a page by number: their JSON is what bounds it otherwise. */
const PAGE_ROWS_MAX = SNAPSHOT_ROWS_MAX;

type RowsRequest = Extract<VerifyRequest, { ask: "rows" }>;
type RecordsRequest = Extract<VerifyRequest, { ask: "records" }>;
type Names = [string, string, string, string];

export interface CheckpointPlace {
  readonly partition: number;
  readonly barrier: string;
  readonly position: number;
  readonly logTimeMs: number;
  /** Head of the log's hash chain; undefined where the checkpoint is void. */
  readonly chain?: string | undefined;
  /** Up to where operations are forgotten. */
  readonly forgotten: number;
}

/** The page that was told last may be asked for again: its answer may have been lost. */
interface Reading {
  readonly id: string;
  readonly pages: AsyncGenerator<Names[]>;
  current: { readonly number: number; readonly page: Promise<{ rows: Names[]; isLast: boolean }> };
}

export class Checkpoint {
  readonly place: CheckpointPlace;
  readonly #snapshot: PartitionSnapshot | undefined;
  readonly #leaves: number;
  readonly #restMs: number;
  #tree: DigestTree | undefined;
  #state: CheckpointState = { status: "digesting" };
  #reading: Reading | undefined;
  /** For all pages, and for whoever asks again. */
  #rest: { readonly operationsAbove: number; readonly digests: Promise<RestDigests> } | undefined;

  /** @param snapshot undefined where there is none: `voided` says why. @param restMs how the snapshot is to be digested. */
  constructor(
    place: CheckpointPlace,
    options: { leaves: number; snapshot?: PartitionSnapshot; voided?: string; restMs?: number },
  ) {
    this.place = place;
    this.#leaves = options.leaves;
    this.#restMs = options.restMs ?? 0;
    this.#snapshot = options.snapshot;
    if (options.snapshot === undefined) this.fail(options.voided ?? "it could not be looked at");
  }

  get status(): CheckpointState["status"] {
    return this.#state.status;
  }

  /** To be called once. Never rejects. */
  async digest(): Promise<void> {
    if (this.#snapshot === undefined) return;
    try {
      const digests = await this.#snapshot.digestLeaves({ leaves: this.#leaves, restMs: this.#restMs });
      if (this.#state.status !== "digesting") return;
      this.#tree = DigestTree.of(digests);
      const { position, logTimeMs, forgotten, chain } = this.place;
      const rows = digests.rows.reduce((sum, count) => sum + count, 0);
      const told = { position, logTimeMs, forgotten, leaves: this.#leaves, rows, root: this.#tree.root };
      this.#state = { status: "ready", ...told, ...(chain !== undefined && { chain }) };
    } catch (error) {
      this.fail(`its rows could not be digested: ${describeError(error)}`);
    }
  }

  /** Ahead of whoever asks for it, as all do who compare. Never rejects: whoever asks hears of it. */
  async digestRest(): Promise<void> {
    if (this.#state.status !== "ready") return;
    await this.#restAbove(this.place.forgotten).catch(() => undefined);
  }

  fail(reason: string): void {
    this.#state = { status: "void", reason };
  }

  async close(): Promise<void> {
    this.fail("its checkpoint is closed");
    await this.#snapshot?.close();
  }

  /** Also says so where it can't. @throws what the store throws. */
  async answer(data: Uint8Array): Promise<Uint8Array> {
    let request: VerifyRequest;
    try {
      request = decodeVerifyRequest(data);
    } catch (error) {
      // Of another version: the asker sees mine in the refusal.
      return encodeVerifyRefusal(error instanceof OtherVersionError ? error.message : describeError(error));
    }
    if (request.ask === "state") return encodeVerifyAnswer<"state">(this.#state);
    if (this.#tree === undefined || this.#state.status !== "ready")
      return encodeVerifyRefusal("the checkpoint is not ready");
    switch (request.ask) {
      case "nodes": {
        const { level, nodes } = request;
        const tree = this.#tree;
        return encodeVerifyAnswer<"nodes">({ digests: nodes.map((node) => tree.digest(level, node)) });
      }
      case "rows":
        return encodeVerifyAnswer<"rows">(await this.#readPage(request));
      case "records":
        return this.#readRecords(request);
      case "rest":
        return this.#readRest(request.operationsAbove, request.after);
      case "release":
      case "place":
        return encodeVerifyRefusal("it is not what a checkpoint answers");
    }
  }

  #readPage({ reading: id, page: number, leaves }: RowsRequest): Promise<{ rows: Names[]; isLast: boolean }> {
    if (this.#reading?.id !== id) this.#begin(id, leaves);
    const reading = this.#reading!;
    const { current } = reading;
    if (number === current.number) return current.page;
    assert(number === current.number + 1, "pages are read one after the other");
    const page = current.page.then(() => nextPage(reading.pages));
    reading.current = { number, page };
    return page;
  }

  #begin(id: string, leaves: string): void {
    const before = this.#reading;
    if (before !== undefined) {
      const close = () => before.pages.return(undefined);
      before.current.page.then(close, close).catch(() => undefined);
    }
    const wanted = leavesOf(Buffer.from(leaves, "base64"), this.#leaves);
    const pages = pagesOf(this.#snapshot!.readLeaves({ leaves: this.#leaves, wanted }));
    this.#reading = { id, pages, current: { number: 0, page: nextPage(pages) } };
  }

  async #readRecords({ records: names, offset }: RecordsRequest): Promise<Uint8Array> {
    const ids = names.map(([tenant, collection, key]) => ({ tenant, collection, key }));
    const records = await this.#snapshot!.readRows(ids);
    const inOrder = records.toSorted((one, other) => (recordIdText(one) < recordIdText(other) ? -1 : 1));
    const text = Buffer.from(JSON.stringify(inOrder));
    return encodeVerifyAnswer<"records">(
      { bytes: text.byteLength },
      text.subarray(offset, offset + VERIFY_TEXT_BYTES_MAX),
    );
  }

  async #readRest(operationsAbove: number, after: number): Promise<Uint8Array> {
    const entries = ownRest(await this.#restAbove(operationsAbove)).slice(after);
    const [page = []] = partsOf(entries, PAGE_ROWS_MAX);
    return encodeVerifyAnswer<"rest">({ entries: page, isLast: page.length === entries.length });
  }

  #restAbove(operationsAbove: number): Promise<RestDigests> {
    if (this.#rest?.operationsAbove !== operationsAbove) {
      const digests = this.#snapshot!.digestRest({ operationsAbove, restMs: this.#restMs });
      this.#rest = { operationsAbove, digests };
    }
    return this.#rest.digests;
  }
}

async function nextPage(pages: AsyncGenerator<Names[]>): Promise<{ rows: Names[]; isLast: boolean }> {
  const { value, done } = await pages.next();
  return done === true ? { rows: [], isLast: true } : { rows: value as Names[], isLast: false };
}

/** Pages as a message can hold them. */
async function* pagesOf(
  found: AsyncGenerator<readonly RowDigest[]>,
): AsyncGenerator<Names[], void, undefined> {
  for await (const rows of found) {
    const named = rows.map((row): Names => [...toNames(row), row.hash]);
    for (const part of partsOf(named, PAGE_ROWS_MAX)) yield part;
  }
}

export function leavesOf(bits: Uint8Array, leaves: number): number[] {
  const wanted: number[] = [];
  for (let leaf = 0; leaf < leaves; leaf += 1)
    if (((bits[leaf >> 3] ?? 0) >> (leaf & 7)) & 1) wanted.push(leaf);
  return wanted;
}

export function bitsOf(wanted: readonly number[], leaves: number): Buffer {
  const bits = Buffer.alloc(Math.ceil(leaves / 8));
  for (const leaf of wanted) bits[leaf >> 3] = bits[leaf >> 3]! | (1 << (leaf & 7));
  return bits;
}
