/** The demo's view of a cluster: plain HTTP, with retries that are safe because every write has an idempotency key. */
import { setTimeout as sleep } from "node:timers/promises";
import { authorization } from "../../local/authorization.ts";
import type { Write } from "./writes.ts";

export interface RegionAddress {
  readonly name: string;
  readonly url: string;
  readonly key?: string | undefined;
}

const TRY_TIMEOUT_MS = 15_000;
const TRIES_MAX = 200;
const RETRY_DELAY_MS = 250;
/** After so many failures in one region the write goes to the next: the same key keeps it from counting twice. */
const TRIES_PER_REGION = 4;
/** Shorter than a try: when the demo gives a try up, the region has given it up as well. */
const DEADLINE_MS = 10_000;

export class Api {
  /** Tries that did not bring an answer to keep. */
  retries = 0;
  /** Writes that were answered by another region than the nearest. */
  failovers = 0;
  readonly #regions: readonly RegionAddress[];

  constructor(regions: readonly RegionAddress[]) {
    this.#regions = regions;
  }

  async putCollection(name: string, schema: unknown): Promise<void> {
    await this.#untilDone(async (region) => {
      const response = await send(region, `/v1/collections/${name}`, { method: "PUT", body: schema });
      return response.status === 200 || response.status === 201;
    }, this.#regions);
  }

  async write(write: Write): Promise<void> {
    const answeredBy = await this.#untilDone((region) => this.#tryWrite(write, region), this.#nearest(write));
    if (answeredBy !== write.region) this.failovers += 1;
  }

  /**
   * A write that the region may refuse for want of rights. It is tried in that region alone, until it is taken or
   * refused: another may refuse what the first has taken, where only the answer was lost.
   * @returns what is left, where it was refused.
   */
  async writeHere(write: Write): Promise<Left | undefined> {
    const [region] = this.#nearest(write);
    try {
      await this.#untilDone(() => this.#tryWrite(write, region!), [region!]);
      return undefined;
    } catch (error) {
      const left = error instanceof RefusedError ? leftOf(error) : undefined;
      if (left === undefined) throw error;
      return left;
    }
  }

  async #tryWrite(write: Write, region: RegionAddress): Promise<boolean> {
    const { body, idempotencyKey } = write;
    const headers = { "idempotency-key": idempotencyKey, "forebay-deadline-ms": String(DEADLINE_MS) };
    const { status } = await send(region, recordPath(write), { method: "PATCH", body, headers });
    return status === 202 || status === 200;
  }

  /** Who may take how much of a record; undefined where it has nothing to take from. */
  async escrows(region: RegionAddress, record: RecordName): Promise<Escrows | undefined> {
    try {
      const response = await send(region, `${recordPath(record)}/escrows`);
      if (response.status !== 200) throw new Error(`${region.name} answers ${response.status}`);
      return (JSON.parse(response.text) as { escrows: Escrows }).escrows;
    } catch (error) {
      if (error instanceof RefusedError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All records of a collection, page by page. */
  async *records(
    region: RegionAddress,
    collection: string,
  ): AsyncGenerator<{ key: string; fields: Record<string, unknown>; pending: number }> {
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ limit: "500", ...(cursor === undefined ? {} : { cursor }) });
      const response = await send(region, `/v1/collections/${collection}/records?${query.toString()}`);
      if (response.status !== 200)
        throw new Error(`${region.name} lists ${collection} with ${response.status}: ${response.text}`);
      const page = JSON.parse(response.text) as {
        records: { key: string; fields: Record<string, unknown>; pending: number }[];
        next_cursor?: string;
      };
      yield* page.records;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
  }

  async status(region: RegionAddress): Promise<Status> {
    const response = await send(region, "/v1/status");
    if (response.status !== 200) throw new Error(`${region.name} answers ${response.status}`);
    return JSON.parse(response.text) as Status;
  }

  /** All regions, the write's own first. */
  #nearest({ region: nearest }: Write): RegionAddress[] {
    const start = this.#regions.findIndex((region) => region.name === nearest);
    return [...this.#regions.slice(start), ...this.#regions.slice(0, start)];
  }

  /** Tries until done, in the first of the regions first. Returns the region that did it. */
  async #untilDone(
    attempt: (region: RegionAddress) => Promise<boolean>,
    regions: readonly RegionAddress[],
  ): Promise<string> {
    let problem: unknown;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const region = regions[Math.floor(tries / TRIES_PER_REGION) % regions.length]!;
      try {
        if (await attempt(region)) return region.name;
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        problem = error;
      }
      this.retries += 1;
      await sleep(RETRY_DELAY_MS * (0.5 + Math.random()));
    }
    throw new Error(`no region took the write in ${TRIES_MAX} tries`, { cause: problem });
  }
}

export type RecordName = Pick<Write, "collection" | "key">;

/** What may be taken of an escrow, where a write was refused for want of rights. */
export interface Left {
  readonly here: number;
  /** As far as the region knows; what it hands over to another at the moment is in neither. */
  readonly total: number;
}

/** By field. */
export type Escrows = Readonly<
  Record<
    string,
    { readonly value: number; readonly min: number; readonly rights: Readonly<Record<string, number>> }
  >
>;

export interface Status {
  readonly partitions: readonly {
    readonly partition: number;
    readonly position: number;
    readonly wal: { readonly head: number; readonly pending_rows: number };
    readonly regions: readonly { readonly region: string; readonly watermark: number }[];
  }[];
}

/** The server says that the request is wrong: trying again would not help. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly status: number;
  readonly answer: string;
  constructor(message: string, { status, text }: { status: number; text: string }) {
    super(`${message}: ${status} ${text}`);
    this.status = status;
    this.answer = text;
  }
}

function leftOf({ status, answer }: RefusedError): Left | undefined {
  if (status !== 409) return undefined;
  const { type, left } = JSON.parse(answer) as { type?: string; left?: Left };
  return type === "urn:forebay:problem:insufficient" ? left : undefined;
}

function recordPath({ collection, key }: RecordName): string {
  return `/v1/collections/${collection}/records/${encodeURIComponent(key)}`;
}

async function send(
  { url: address, key }: RegionAddress,
  path: string,
  options: { method?: string; body?: unknown; headers?: Readonly<Record<string, string>> } = {},
): Promise<{ status: number; text: string }> {
  const { method = "GET", body, headers } = options;
  const url = `${address}${path}`;
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, {
    method,
    headers: { ...type, ...authorization(key), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TRY_TIMEOUT_MS),
  });
  const text = await response.text();
  const isRefused = response.status >= 400 && response.status < 500 && response.status !== 429;
  if (isRefused) throw new RefusedError(`${method} ${url}`, { status: response.status, text });
  return { status: response.status, text };
}
