/**
 * One region's state of a partition as it is given to another: a snapshot whose pages are read ahead of whoever asks for
 * them, and kept until they have arrived.
 *
 *   open → head → pages that follow a place, several asked for at once → release, or closed when nobody asks
 */
import {
  NOTHING_LOADED,
  progressAfter,
  type BootstrapProgress,
  type StateHead,
  type StatePart,
} from "../ports/bootstraps.ts";
import type { PartitionSnapshot } from "../ports/partition-snapshot.ts";
import {
  BootstrapRefusedError,
  decodeBootstrapRequest,
  deflatePage,
  encodeBootstrapAnswer,
  encodeBootstrapRefusal,
  OtherBootstrapVersionError,
  PIECE_BYTES_MAX,
  type BootstrapRequestOf,
} from "../protocol/bootstrap-message.ts";
import { describeError } from "../runtime/describe-error.ts";

/** Mostly one message once it is deflated. */
const PAGE_BYTES = 192 * 1024;
/** How far beyond the first page that is kept others may be asked for: what is read for nobody is memory. */
const PAGES_AHEAD_MAX = 32;

interface Packed {
  readonly part: StatePart;
  readonly rows: number;
  readonly next: string | undefined;
  readonly deflated: Buffer;
  /** After it. */
  readonly progress: BootstrapProgress;
}

/** The pages that follow one place. */
interface Reading {
  readonly place: string;
  readonly start: BootstrapProgress;
  /** By number; undefined beyond the last. */
  readonly pages: Map<number, Promise<Packed | undefined>>;
  /** Number of the page that is read next. */
  next: number;
  last: Promise<Packed | undefined>;
}

export interface TransferOptions {
  readonly snapshot: PartitionSnapshot;
  readonly head: StateHead;
  /** Default 192 KB. */
  readonly pageBytes?: number | undefined;
}

export class Transfer {
  readonly #snapshot: PartitionSnapshot;
  readonly #head: Buffer;
  readonly #pageBytes: number;
  #reading: Reading | undefined;

  constructor({ snapshot, head, pageBytes = PAGE_BYTES }: TransferOptions) {
    this.#snapshot = snapshot;
    this.#head = deflatePage(Buffer.from(JSON.stringify(head)));
    this.#pageBytes = pageBytes;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }

  /** Also says so where it can't. @throws what the store throws. */
  async answer(data: Uint8Array): Promise<Uint8Array> {
    try {
      const request = decodeBootstrapRequest(data);
      if (request.ask === "head") return this.#answerHead(request);
      if (request.ask === "page") return await this.#answerPage(request);
      return encodeBootstrapRefusal("it is not what a transfer answers");
    } catch (error) {
      if (isRefusal(error)) return encodeBootstrapRefusal(describeError(error));
      throw error;
    }
  }

  #answerHead({ offset }: BootstrapRequestOf<"head">): Uint8Array {
    const piece = this.#head.subarray(offset, offset + PIECE_BYTES_MAX);
    return encodeBootstrapAnswer<"head">({ bytes: this.#head.byteLength }, piece);
  }

  async #answerPage(request: BootstrapRequestOf<"page">): Promise<Uint8Array> {
    const packed = await this.#page(request);
    if (packed === undefined) return encodeBootstrapAnswer<"page">({ rows: 0, bytes: 0 });
    const { part, rows, next, deflated } = packed;
    const piece = deflated.subarray(request.offset, request.offset + PIECE_BYTES_MAX);
    const bytes = deflated.byteLength;
    return encodeBootstrapAnswer<"page">({ part, rows, ...(next !== undefined && { next }), bytes }, piece);
  }

  #page({ part, after, page, keepFrom }: BootstrapRequestOf<"page">): Promise<Packed | undefined> {
    const reading = this.#readingAfter(part, after);
    for (const number of reading.pages.keys()) if (number < keepFrom) reading.pages.delete(number);
    if (page > keepFrom + PAGES_AHEAD_MAX)
      throw new BootstrapRefusedError(`page ${page} is asked for before page ${keepFrom} has arrived`);
    while (reading.next <= page) this.#readNext(reading);
    const kept = reading.pages.get(page);
    if (kept === undefined) throw new BootstrapRefusedError(`page ${page} is not kept any more`);
    return kept;
  }

  #readingAfter(part: StatePart, after: string | undefined): Reading {
    const place = `${part} ${after ?? ""}`;
    if (this.#reading?.place !== place) {
      const start = { ...NOTHING_LOADED, part, after };
      const first = Promise.resolve(undefined);
      this.#reading = { place, start, pages: new Map(), next: 0, last: first };
    }
    return this.#reading;
  }

  #readNext(reading: Reading): void {
    const number = reading.next;
    const page = reading.last.then((before) => {
      if (number > 0 && before === undefined) return undefined;
      return this.#read(before?.progress ?? reading.start);
    });
    // Whoever asks for it hears of it.
    page.catch(() => undefined);
    reading.next += 1;
    reading.last = page;
    reading.pages.set(number, page);
  }

  async #read(at: BootstrapProgress): Promise<Packed | undefined> {
    const { part, after } = at;
    if (part === undefined) return undefined;
    const page = await this.#snapshot.readPage({ part, after, bytesMax: this.#pageBytes });
    const { rows, next, lines } = page;
    return { part, rows, next, deflated: deflatePage(lines), progress: progressAfter(at, page) };
  }
}

export function isRefusal(error: unknown): boolean {
  return error instanceof OtherBootstrapVersionError || error instanceof BootstrapRefusedError;
}
