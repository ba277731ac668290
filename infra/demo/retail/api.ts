/** The demo's view of a cluster: plain HTTP, with retries that are safe because every write has an idempotency key. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Write } from "./writes.ts";

export interface RegionAddress {
  readonly name: string;
  readonly url: string;
}

const TRY_TIMEOUT_MS = 15_000;
const TRIES_MAX = 200;
const RETRY_DELAY_MS = 250;
/** After so many failures in one region the write goes to the next: the same key keeps it from counting twice. */
const TRIES_PER_REGION = 4;

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
      const response = await send(`${region.url}/v1/collections/${name}`, "PUT", { body: schema });
      return response.status === 200 || response.status === 201;
    }, this.#regions[0]!.name);
  }

  async write(write: Write): Promise<void> {
    const { collection, key, body, idempotencyKey } = write;
    const answeredBy = await this.#untilDone(async (region) => {
      const url = `${region.url}/v1/collections/${collection}/records/${encodeURIComponent(key)}`;
      const response = await send(url, "PATCH", { body, headers: { "idempotency-key": idempotencyKey } });
      return response.status === 202 || response.status === 200;
    }, write.region);
    if (answeredBy !== write.region) this.failovers += 1;
  }

  /** All records of a collection, page by page. */
  async *records(
    region: RegionAddress,
    collection: string,
  ): AsyncGenerator<{ key: string; fields: Record<string, unknown>; pending: number }> {
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ limit: "500", ...(cursor === undefined ? {} : { cursor }) });
      const response = await send(
        `${region.url}/v1/collections/${collection}/records?${query.toString()}`,
        "GET",
      );
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
    const response = await send(`${region.url}/v1/status`, "GET");
    if (response.status !== 200) throw new Error(`${region.name} answers ${response.status}`);
    return JSON.parse(response.text) as Status;
  }

  /** Tries until done, in the nearest region first. Returns the region that did it. */
  async #untilDone(attempt: (region: RegionAddress) => Promise<boolean>, nearest: string): Promise<string> {
    const start = this.#regions.findIndex((region) => region.name === nearest);
    let problem: unknown;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const region = this.#regions[(start + Math.floor(tries / TRIES_PER_REGION)) % this.#regions.length]!;
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
}

async function send(
  url: string,
  method: string,
  options: { body?: unknown; headers?: Readonly<Record<string, string>> } = {},
): Promise<{ status: number; text: string }> {
  const { body, headers } = options;
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TRY_TIMEOUT_MS),
  });
  const text = await response.text();
  const isRefused = response.status >= 400 && response.status < 500 && response.status !== 429;
  if (isRefused) throw new RefusedError(`${method} ${url}: ${response.status} ${text}`);
  return { status: response.status, text };
}
