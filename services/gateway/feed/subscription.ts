/**
 * A subscription: what there is → everything that changes from then on, in frames.
 *
 *   without cursor   pages of records, then what has changed while they were listed; the last such frame is `complete`
 *   with a cursor    what has changed since, and on
 *
 * Committed states are told once: by position, which each record's change has, and each partition's strand remembers.
 */
import type { FeedCursor, FeedPlace } from "../../core/feed/cursor.ts";
import { isOfFilter, rangeOf, type FeedFilter } from "../../core/feed/filter.ts";
import type { CollectionSchema } from "../../core/schema.ts";
import { encodeFeedCursor, filterMark } from "../../protocol/feed-cursor.ts";
import { GatewayError } from "../errors.ts";
import { byPosition } from "./hub.ts";
import type { FeedParts } from "./feed.ts";
import type { FeedOutlet } from "./outlet.ts";
import { changesText, stateText, type Publication } from "./publication.ts";
import { EARLY_MS_MAX, Strand, type StrandOwner, type StrandStart } from "./strand.ts";
import { ToldRecord, type ToldKind } from "./told-record.ts";

const PAGE_RECORDS = 250;
/** Characters of records in a frame; more where one entry of the log has changed more. */
const FRAME_CHARACTERS = 256 * 1024;
/** Records that change while the state is listed, and are not told twice; of more some are. */
const LISTED_MAX = 20_000;

export interface SubscriptionOptions {
  /** The client's name for it. */
  readonly id: string;
  readonly filter: FeedFilter;
  readonly kind: ToldKind;
  /** Undefined: from the state on. */
  readonly cursor: FeedCursor | undefined;
  /** Ends once it has told what there is now. */
  readonly isPage: boolean;
  /** Of a page: it ends after about so many changed records. */
  readonly recordsMax?: number | undefined;
  /** With a cursor: keys of records whose pending states the client was told elsewhere. */
  readonly unsettled?: readonly string[] | undefined;
  /** Of the partitions that it looks at. */
  readonly schemas: ReadonlyMap<number, CollectionSchema>;
  readonly outlet: FeedOutlet;
}

export class Subscription implements StrandOwner {
  readonly id: string;
  readonly filter: FeedFilter;
  readonly kind: ToldKind;
  readonly #options: SubscriptionOptions;
  readonly #parts: FeedParts;
  readonly #idText: string;
  readonly #mark: string;
  readonly #over = new AbortController();
  readonly closed: AbortSignal;
  readonly #strands: Strand[] = [];
  #isTellingState: boolean;
  /** While the state is listed: versions that were told of records that have changed since its beginning, by key. */
  #listed: Map<string, string> | undefined;
  #toldCursor = "";
  #toldRecords = 0;
  /** Rejects once the subscription can't be told on. */
  readonly #failed: Promise<never>;
  #reject: (error: unknown) => void = () => undefined;

  constructor(parts: FeedParts, options: SubscriptionOptions) {
    this.id = options.id;
    this.filter = options.filter;
    this.kind = options.kind;
    this.#options = options;
    this.#parts = parts;
    this.#idText = JSON.stringify(options.id);
    this.#mark = filterMark(options.filter);
    this.#isTellingState = options.cursor === undefined;
    this.closed = AbortSignal.any([this.#over.signal, options.outlet.closed]);
    this.#failed = new Promise<never>((_, reject) => (this.#reject = reject));
    // Nobody may be there any more to hear of it.
    this.#failed.catch(() => undefined);
  }

  /** Never once it is closed: nothing waits for room then. */
  get isFull(): boolean {
    return this.#options.outlet.isFull && !this.closed.aborted;
  }

  /**
   * Tells until it is closed; a page, until it has told what there is.
   * @throws {GatewayError} @throws {StoreUnavailableError} nothing more is told; whoever goes on from the last cursor misses nothing.
   */
  async run(): Promise<void> {
    try {
      await Promise.race([this.#begin(), this.#failed]);
      if (!this.#options.isPage) await Promise.race([this.#untilClosed(), this.#failed]);
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#over.abort();
    for (const strand of this.#strands) strand.leave();
  }

  /** A frame that tells nothing but how far it is; undefined where nothing has moved since the last frame. */
  tellPlace(): void {
    const isUnderWay = this.#isTellingState || this.#strands.length === 0 || this.closed.aborted;
    if (!isUnderWay && this.#cursorText() !== this.#toldCursor) this.#sendChanges("");
  }

  async #begin(): Promise<void> {
    const places: ReadonlyMap<number, StrandStart> = this.#options.cursor ?? (await this.#placesNow());
    for (const [partition, start] of places) {
      const hub = this.#parts.hubs[partition]!;
      this.#strands.push(new Strand({ owner: this, hub, partition, start }));
    }
    if (this.#isTellingState) await this.#list(places);
    else if (this.kind === "view") await this.#settle(places);
    let hasMore = false;
    if (this.#options.isPage) hasMore = await this.#tellPage();
    else for (const strand of this.#strands) await strand.goLive();
    this.#listed = undefined;
    if (this.closed.aborted) return;
    if (this.#isTellingState) this.#complete();
    else if (hasMore || this.#toldCursor === "") this.#sendChanges("", hasMore);
  }

  /** Each partition has an equal part of the page, so that a busy one does not keep the others back. @returns whether more is left. */
  async #tellPage(): Promise<boolean> {
    const recordsMax = this.#isTellingState ? Infinity : (this.#options.recordsMax ?? Infinity);
    let behind: readonly Strand[] = this.#strands;
    do {
      const part = Math.max(1, Math.ceil((recordsMax - this.#toldRecords) / behind.length));
      const left: Strand[] = [];
      for (const strand of behind) if (!(await strand.catchUp(part))) left.push(strand);
      behind = left;
    } while (behind.length > 0 && this.#toldRecords < recordsMax);
    return behind.length > 0;
  }

  #untilClosed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.closed.aborted) resolve();
      this.closed.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  async #placesNow(): Promise<Map<number, StrandStart>> {
    const { store, read } = this.#parts;
    const places = new Map<number, StrandStart>();
    for (const partition of this.#options.schemas.keys()) {
      const query = { partition, after: Number.MAX_SAFE_INTEGER, ranges: [], idsMax: 1 };
      const { head: position, logEpoch, settledTo } = await read(() => store.readChanges(query));
      places.set(partition, { position, logEpoch, settledTo });
    }
    return places;
  }

  async #list(places: FeedCursor): Promise<void> {
    const listed = new Map<string, string>();
    const { tenant, collection, key, prefix = "" } = this.filter;
    let after: string | undefined;
    while (!this.closed.aborted) {
      const page = await this.#parts.read(async () =>
        key === undefined
          ? this.#parts.store.listRecords({ tenant, collection, prefix, after, limit: PAGE_RECORDS })
          : this.#readOne(key),
      );
      const told: ToldRecord[] = [];
      for (const { key: name, position: _, ...snapshot } of page) {
        const partition = this.#parts.partitionOf(this.filter, name, this.#options.schemas);
        const record = { tenant, collection, key: name };
        const { committed } = snapshot;
        const one = this.#toldOf({ record, position: committed?.version, snapshot }, partition);
        if (!one.isFor(this.kind)) continue;
        const isNewer = (committed?.version ?? 0) > places.get(partition)!.position;
        const isShaky = isNewer || (this.kind === "view" && snapshot.pending.length > 0);
        if (isShaky && listed.size < LISTED_MAX) listed.set(name, one.versionOf(this.kind));
        told.push(one);
      }
      this.fits();
      await this.#tellState(told);
      if (key !== undefined || page.length < PAGE_RECORDS) break;
      after = page.at(-1)!.key;
    }
    this.#listed = listed;
  }

  /** What was pending elsewhere may have come to nothing, which changes nothing that is told from the cursor on. */
  async #settle(places: FeedCursor): Promise<void> {
    const { tenant, collection } = this.filter;
    const giveUpAtMs = this.nowMs() + EARLY_MS_MAX;
    const arrived = new Set<Strand>();
    const told: ToldRecord[] = [];
    for (const key of new Set(this.#options.unsettled)) {
      const record = { tenant, collection, key };
      const partition = this.#parts.partitionOf(this.filter, key, this.#options.schemas);
      const strand = this.#strands.find((one) => one.partition === partition);
      if (!isOfFilter(this.filter, record) || strand === undefined) continue;
      if (!arrived.has(strand)) await strand.arrive(giveUpAtMs);
      if (this.closed.aborted) return;
      arrived.add(strand);
      const snapshot = await this.#parts.read(() => this.#parts.store.readRecord({ ...record, partition }));
      const isLater = (snapshot.committed?.version ?? 0) > places.get(partition)!.position;
      // Of a record that only what is pending has made nothing can be told while there is too much of it.
      const isUnknown = snapshot.isCrowded === true && snapshot.committed === undefined;
      if (!isLater && !isUnknown)
        told.push(this.#toldOf({ record, position: undefined, snapshot }, partition));
    }
    for (const { text } of chunksOf(told, this.kind)) {
      while (this.isFull) await this.#options.outlet.drained();
      if (!this.closed.aborted) this.#sendChanges(text);
    }
  }

  async #readOne(key: string) {
    const { tenant, collection } = this.filter;
    const partition = this.#options.schemas.keys().next().value!;
    const snapshot = await this.#parts.store.readRecord({ tenant, collection, key, partition });
    const isThere = snapshot.committed !== undefined || snapshot.pending.length > 0;
    return isThere ? [{ key, ...snapshot }] : [];
  }

  #toldOf(changed: ConstructorParameters<typeof ToldRecord>[0], partition: number): ToldRecord {
    const schema = this.#options.schemas.get(partition)!;
    return new ToldRecord(changed, { partition, schema, region: this.#parts.region });
  }

  /** Of a strand that reads by itself. */
  async read(query: Parameters<StrandOwner["read"]>[0]): ReturnType<StrandOwner["read"]> {
    const { store, read } = this.#parts;
    const ranges = [rangeOf(this.filter)];
    const window = await read(() => store.readChanges({ ...query, ranges }));
    const { partition } = query;
    const schema = await this.#parts.schemaOf({ ...this.filter, partition });
    const place = {
      partition,
      schema: schema ?? this.#options.schemas.get(partition)!,
      region: this.#parts.region,
    };
    const told = window.records.map((changed) => new ToldRecord(changed, place));
    return { window, told: told.filter((one) => one.isFor(this.kind)).toSorted(byPosition) };
  }

  async tell(strand: Strand, told: readonly ToldRecord[], position: number): Promise<void> {
    const listed = this.#listed;
    const news = told.filter((one) => listed?.get(one.record.key) !== one.versionOf(this.kind));
    for (const chunk of chunksOf(news, this.kind)) {
      while (this.isFull) await this.#options.outlet.drained();
      if (this.closed.aborted) return;
      // What comes next of the same entry would be told again to who goes on from here: a chunk ends with its entry.
      strand.reached(chunk.isLast ? position : chunk.position);
      // Other strands may have completed the state while this one waited for room.
      if (this.#isTellingState) this.#sendState(chunk.text);
      else this.#sendChanges(chunk.text);
      this.#toldRecords += chunk.records;
    }
  }

  pass(strand: Strand, publication: Publication): void {
    const { outlet } = this.#options;
    if (this.closed.aborted) return;
    if (this.#isTellingState)
      return this.#sendState(publication.told.map((one) => one.textOf(this.kind)).join(","));
    const cursorAt = (position: number) => this.#cursorText({ strand, position });
    const frame = publication.frameFor(
      { idText: this.#idText, elsewhere: this.#elsewhere(strand) },
      cursorAt,
    );
    this.#toldCursor = frame.cursor;
    outlet.send(frame);
  }

  /** What a cursor says besides the position of a strand's partition, and whose subscriptions it is of: all of a group have one filter. */
  #elsewhere(of: Strand): string {
    if (this.#strands.length === 1) return String(of.place.logEpoch);
    return this.#strands
      .map((strand) => `${strand === of ? "" : strand.place.position}-${strand.place.logEpoch}`)
      .join("_");
  }

  fellBehind(strand: Strand): void {
    this.#parts.feedMetrics.fellBehind();
    void this.#recover(strand);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  fits(): void {
    this.#options.outlet.answerable?.();
  }

  nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }

  sleep(delayMs: number): Promise<void> {
    return this.#parts.clock.sleep(delayMs, this.closed);
  }

  async #recover(strand: Strand): Promise<void> {
    try {
      await this.#options.outlet.drained();
      await strand.goLive();
    } catch (error) {
      this.fail(error);
    }
  }

  async #tellState(told: readonly ToldRecord[]): Promise<void> {
    for (const { text } of chunksOf(told, this.kind)) {
      while (this.isFull) await this.#options.outlet.drained();
      if (this.closed.aborted) return;
      this.#sendState(text);
    }
  }

  #complete(): void {
    const cursor = this.#cursorText();
    this.#isTellingState = false;
    this.#toldCursor = cursor;
    this.#options.outlet.send({ text: stateText({ idText: this.#idText, recordsText: "", cursor }), cursor });
  }

  #sendState(recordsText: string): void {
    this.#options.outlet.send({ text: stateText({ idText: this.#idText, recordsText }) });
  }

  #sendChanges(recordsText: string, hasMore = false): void {
    const cursor = this.#cursorText();
    this.#toldCursor = cursor;
    const text = changesText({ idText: this.#idText, recordsText, cursor, hasMore });
    this.#options.outlet.send({ text, cursor });
  }

  #cursorText(next?: { readonly strand: Strand; readonly position: number }): string {
    const cursor = new Map<number, FeedPlace>();
    for (const strand of this.#strands) {
      const { place } = strand;
      cursor.set(strand.partition, next?.strand === strand ? { ...place, position: next.position } : place);
    }
    return encodeFeedCursor(cursor, this.#mark, this.#parts.sessionSecret);
  }
}

interface Chunk {
  readonly text: string;
  readonly records: number;
  /** Everything up to here is in it, or in one before. */
  readonly position: number;
  readonly isLast: boolean;
}

/** Parts of about equal size, in order, each with whole entries of the log. */
function* chunksOf(told: readonly ToldRecord[], kind: ToldKind): Generator<Chunk> {
  let texts: string[] = [];
  let characters = 0;
  for (const [index, one] of told.entries()) {
    const text = one.textOf(kind);
    texts.push(text);
    characters += text.length;
    const next = told[index + 1];
    const isWhole = next !== undefined && next.position !== one.position;
    if (next !== undefined && (characters < FRAME_CHARACTERS || !isWhole)) continue;
    yield {
      text: texts.join(","),
      records: texts.length,
      position: one.position ?? 0,
      isLast: next === undefined,
    };
    texts = [];
    characters = 0;
  }
}

/** @throws {GatewayError} invalid-cursor: of a subscription that looks at other partitions. */
export function checkPartitions(cursor: FeedCursor, partitions: Iterable<number>): void {
  const wanted = new Set(partitions);
  if (cursor.size === wanted.size && [...cursor.keys()].every((partition) => wanted.has(partition))) return;
  throw new GatewayError("invalid-cursor", "the cursor is of another subscription");
}
