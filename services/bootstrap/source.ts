/**
 * Another region's snapshot, as the region sees it that loads it: asked over the bus, several pages at once, each again within
 * a budget. What can't be had is a problem of that source: there may be another one.
 */
import { isObject } from "../core/json.ts";
import { BusOutcomeUnknownError, BusUnavailableError, type Bus } from "../ports/bus.ts";
import type { BootstrapProgress, StateHead, StatePage, StatePart } from "../ports/bootstraps.ts";
import type { Clock, Random } from "../ports/clock.ts";
import {
  BOOTSTRAP_SERVICE,
  decodeBootstrapAnswer,
  encodeBootstrapRequest,
  inflatePage,
  transferService,
  type BootstrapAnswer,
  type BootstrapAsk,
  type BootstrapRequest,
  type BootstrapRequestOf,
} from "../protocol/bootstrap-message.ts";
import { ENTRY_VERSION } from "../protocol/entry-codec.ts";
import { backoffMs } from "../runtime/backoff.ts";
import { describeError } from "../runtime/describe-error.ts";

/** Counting all rows comes first. */
const OPEN_TIMEOUT_MS = 15_000;
const ASK_TIMEOUT_MS = 5_000;
const OFFER_TIMEOUT_MS = 3_000;
const TRIES_MAX = 7;
const RETRY = { baseMs: 100, maxMs: 2_000 };
/** The way to another region and back takes as long as a dozen pages. */
const PAGES_ASKED_MAX = 12;

/** The source can't be loaded from, or not any further. */
export class SourceLostError extends Error {
  override readonly name = "SourceLostError";
}

export interface SourceOptions {
  readonly region: string;
  readonly bus: Pick<Bus, "request">;
  readonly clock: Clock;
  readonly random: Random;
}

export interface SourcePage extends StatePage {
  readonly part: StatePart;
}

/** What a region says of itself. @throws what the bus throws, and what a refusal says. */
export async function askForOffer(
  region: string,
  partition: number,
  { bus }: Pick<SourceOptions, "bus">,
): Promise<BootstrapAnswer<"offer">> {
  const data = encodeBootstrapRequest({ ask: "offer", partition, reads: ENTRY_VERSION });
  const request = { region, service: BOOTSTRAP_SERVICE, data, timeoutMs: OFFER_TIMEOUT_MS };
  return decodeBootstrapAnswer("offer", await bus.request(request)).answer;
}

export class Source {
  readonly region: string;
  readonly snapshot: string;
  readonly head: StateHead;
  readonly #options: SourceOptions;

  private constructor(named: Pick<Source, "region" | "snapshot">, head: StateHead, options: SourceOptions) {
    this.region = named.region;
    this.snapshot = named.snapshot;
    this.head = head;
    this.#options = options;
  }

  /** Asks a region to open a snapshot; one that it opens without our hearing of it closes by itself. @throws {SourceLostError} */
  static async open(region: string, partition: number, options: SourceOptions): Promise<Source> {
    const { bus, random, clock } = options;
    const snapshot = random.uuid(clock.nowMs());
    const open = {
      ask: "open",
      partition,
      transfer: snapshot,
      by: options.region,
      reads: ENTRY_VERSION,
    } as const;
    const data = encodeBootstrapRequest(open);
    const request = { region, service: BOOTSTRAP_SERVICE, data, timeoutMs: OPEN_TIMEOUT_MS };
    try {
      decodeBootstrapAnswer("open", await bus.request(request));
    } catch (error) {
      throw lost(region, error);
    }
    return Source.attach({ region, snapshot, partition }, options);
  }

  /** To one that is open. @throws {SourceLostError} */
  static async attach(
    named: { readonly region: string; readonly snapshot: string; readonly partition: number },
    options: SourceOptions,
  ): Promise<Source> {
    const asking = new Asking(named, options);
    const pieces: Uint8Array[] = [];
    for (let offset = 0, bytes = Infinity; offset < bytes;) {
      const { answer, piece } = await asking.ask<"head">({ ask: "head", offset });
      ({ bytes } = answer);
      if (piece.byteLength === 0) throw new SourceLostError(`${named.region} tells of no head`);
      pieces.push(piece);
      offset += piece.byteLength;
    }
    return new Source(named, toHead(named, Buffer.concat(pieces)), options);
  }

  /** The pages after a place, in order. @throws {SourceLostError} */
  async *pages(from: BootstrapProgress): AsyncGenerator<SourcePage, void, undefined> {
    if (from.part === undefined) return;
    const asking = new Asking(this, this.#options);
    const place = { part: from.part, ...(from.after !== undefined && { after: from.after }) };
    const asked: Promise<SourcePage | undefined>[] = [];
    for (let next = 0; ; next += 1) {
      while (asked.length < PAGES_ASKED_MAX) {
        const page = fetchPage(asking, { place, page: next + asked.length, keepFrom: next });
        // Looked at when its turn comes.
        page.catch(() => undefined);
        asked.push(page);
      }
      const page = await asked.shift();
      if (page === undefined) return;
      yield page;
    }
  }

  /** Lets go of the snapshot. Best effort. */
  async release(): Promise<void> {
    await new Asking(this, this.#options).once<"release">({ ask: "release" }).catch(() => undefined);
  }
}

interface Wanted {
  readonly place: { readonly part: StatePart; readonly after?: string };
  readonly page: number;
  readonly keepFrom: number;
}

async function fetchPage(asking: Asking, { place, page, keepFrom }: Wanted): Promise<SourcePage | undefined> {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; ;) {
    const { answer, piece } = await asking.ask<"page">({ ask: "page", ...place, page, keepFrom, offset });
    if (answer.part === undefined) return undefined;
    pieces.push(piece);
    offset += piece.byteLength;
    if (offset >= answer.bytes || piece.byteLength === 0)
      return { part: answer.part, rows: answer.rows, next: answer.next, lines: asking.inflate(pieces) };
  }
}

/** Questions about one transfer. */
class Asking {
  readonly #named: Pick<Source, "region" | "snapshot">;
  readonly #options: SourceOptions;

  constructor(named: Pick<Source, "region" | "snapshot">, options: SourceOptions) {
    this.#named = named;
    this.#options = options;
  }

  /** Again and again within a budget. @throws {SourceLostError} */
  async ask<Ask extends BootstrapAsk>(
    request: BootstrapRequestOf<Ask>,
  ): Promise<{ readonly answer: BootstrapAnswer<Ask>; readonly piece: Uint8Array }> {
    const { clock, random } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once<Ask>(request);
      } catch (error) {
        if (attempt >= TRIES_MAX || !isWorthAnotherTry(error)) throw lost(this.#named.region, error);
        await clock.sleep(backoffMs({ attempt, ...RETRY, random }));
      }
    }
  }

  async once<Ask extends BootstrapAsk>(
    request: BootstrapRequestOf<Ask>,
  ): Promise<{ readonly answer: BootstrapAnswer<Ask>; readonly piece: Uint8Array }> {
    const { region, snapshot } = this.#named;
    const data = encodeBootstrapRequest(request as BootstrapRequest);
    const service = transferService(snapshot);
    const answer = await this.#options.bus.request({ region, service, data, timeoutMs: ASK_TIMEOUT_MS });
    return decodeBootstrapAnswer<Ask>(request.ask as Ask, answer);
  }

  inflate(pieces: readonly Uint8Array[]): Buffer {
    try {
      return inflatePage(Buffer.concat(pieces));
    } catch (error) {
      throw lost(this.#named.region, error);
    }
  }
}

function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof BusUnavailableError || error instanceof BusOutcomeUnknownError;
}

function lost(region: string, error: unknown): SourceLostError {
  return error instanceof SourceLostError ? error : new SourceLostError(`${region}: ${describeError(error)}`);
}

/** What it says of its rows the store checks when all is loaded. */
function toHead(named: { readonly region: string; readonly partition: number }, deflated: Buffer): StateHead {
  try {
    const head: unknown = JSON.parse(inflatePage(deflated).toString("utf8"));
    if (isObject(head) && isObject(head["state"]) && head["state"]["partition"] === named.partition)
      return head as unknown as StateHead;
  } catch (error) {
    throw lost(named.region, error);
  }
  throw new SourceLostError(`${named.region} tells of another partition's state`);
}
