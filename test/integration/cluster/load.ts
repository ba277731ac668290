/**
 * Load with a memory: clients write in every region, remember what was acknowledged and what is unknown, try again under
 * the same idempotency key, and afterwards every region must hold each acknowledged write exactly once.
 */
import { authorization } from "../../../infra/local/authorization.ts";
import { expect, onTestFinished } from "vitest";
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import { partitionOf } from "../../../services/core/partition.ts";
import { chainsAtOnePosition, converged, digests, eventually, withStores, type Bed } from "./bed.ts";

const TENANT = "default";
export const COLLECTION = "load";
export const SCHEMA = {
  fields: {
    total: { class: "merge", kind: "counter" },
    last: { class: "lww", type: "string" },
    tags: { class: "merge", kind: "set" },
  },
} as const;
const KEYS_COUNT = 40;
const TRY_TIMEOUT_MS = 15_000;
const RETRY_DELAY_MS = 100;
const TRIES_MAX = 400;

interface Request {
  readonly key: string;
  readonly increment: number;
  acknowledged: boolean;
}

export async function createCollection(
  bed: Bed,
  name: string = COLLECTION,
  schema: object = SCHEMA,
): Promise<void> {
  const { url, key } = bed.cluster.regions[0]!;
  const response = await fetch(`${url}/v1/collections/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json", ...authorization(key) },
    body: JSON.stringify(schema),
  });
  if (response.status !== 200)
    throw new Error(`the collection was not made: ${response.status} ${await response.text()}`);
  for (const region of bed.cluster.regions) {
    await eventually(`${region.name} has the collection in every partition`, () =>
      hasCollection(bed, region.name, name),
    );
  }
}

/** A schema reaches other regions through the log, as everything does. */
async function hasCollection(bed: Bed, region: string, name: string): Promise<true | undefined> {
  return withStores(bed, async (stores) => {
    for (let partition = 0; partition < bed.partitions; partition += 1) {
      const collections = await stores.get(region)!.readCollections(partition);
      if (!collections.some((collection) => collection.name === name)) return undefined;
    }
    return true;
  });
}

export class Load {
  readonly #bed: Bed;
  readonly #requests = new Map<string, Request>();
  readonly #run = Math.random().toString(36).slice(2);
  /** Of this load alone, so that several can follow each other on one cluster. */
  readonly #keys = Array.from({ length: KEYS_COUNT }, (_, index) => `${this.#run}-${index}`);
  readonly #clients: Promise<void>[] = [];
  readonly #refused: string[] = [];
  #isOver = false;
  #isAbandoned = false;

  constructor(bed: Bed) {
    this.#bed = bed;
  }

  get acknowledged(): number {
    return [...this.#requests.values()].filter((request) => request.acknowledged).length;
  }

  /** Starts clients on one address, or on each region. They end with the test at the latest: one that fails must not load the next. */
  start(options: { clients: number; urls?: readonly (() => string)[] }): void {
    onTestFinished(() => {
      this.#isOver = true;
      this.#isAbandoned = true;
    });
    const urls =
      options.urls ??
      this.#bed.cluster.regions.map(
        ({ name }) =>
          () =>
            this.#bed.cluster.region(name).url,
      );
    for (const [place, url] of urls.entries()) {
      for (let client = 0; client < options.clients; client += 1) {
        this.#clients.push(this.#client(`${this.#run}-${place}-${client}`, url));
      }
    }
  }

  async #client(name: string, url: () => string): Promise<void> {
    for (let number = 0; !this.#isOver; number += 1) await this.#request(`${name}-${number}`, url);
  }

  async #request(name: string, url: () => string): Promise<void> {
    const key = this.#keys[this.#requests.size % KEYS_COUNT]!;
    const increment = (this.#requests.size % 9) - 3;
    const request = { key, increment, acknowledged: false };
    this.#requests.set(idempotentOperationId(TENANT, name), request);
    const body = {
      inc: { total: increment },
      set: { last: name },
      add: { tags: [`t${this.#requests.size % 5}`] },
    };
    // Retried until it is answered, also after the load is over: an unknown outcome must become known.
    for (let tries = 0; tries < TRIES_MAX && !request.acknowledged && !this.#isAbandoned; tries += 1) {
      request.acknowledged = await this.#try(
        `${url()}/v1/collections/${COLLECTION}/records/${key}`,
        name,
        body,
      );
      if (!request.acknowledged) await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }

  async #try(url: string, idempotencyKey: string, body: object): Promise<boolean> {
    try {
      const response = await fetch(url, {
        method: "PATCH",
        headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TRY_TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.status >= 400 && response.status < 500 && response.status !== 429)
        this.#refused.push(text);
      return response.status === 202 || response.status === 200;
    } catch {
      // The process is away: unknown, so the same request is sent again.
      return false;
    }
  }

  /** Lets the load run until so many more writes are acknowledged. */
  async untilAcknowledged(more: number): Promise<void> {
    const goal = this.acknowledged + more;
    const untilMs = performance.now() + 90_000;
    while (this.acknowledged < goal) {
      if (performance.now() > untilMs)
        throw new Error(`${this.acknowledged} of ${goal} writes were acknowledged`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** No acknowledged write lost, none applied twice, the same state and the same log in every region. */
  async verify(): Promise<void> {
    await this.stop();
    expect(this.#refused).toEqual([]);
    expect([...this.#requests.values()].every((request) => request.acknowledged)).toBe(true);
    await withStores(this.#bed, async (stores) => {
      await converged(this.#bed, stores);
      for (let partition = 0; partition < this.#bed.partitions; partition += 1) {
        expect(new Set(await digests(stores, partition)).size).toBe(1);
        expect(new Set(await chainsAtOnePosition(stores, partition)).size).toBe(1);
      }
      for (const [name, store] of stores) {
        for (const key of this.#keys) {
          const partition = partitionOf({ tenant: TENANT, key }, this.#bed.partitions);
          const { committed } = await store.readRecord({
            partition,
            tenant: TENANT,
            collection: COLLECTION,
            key,
          });
          const total = committed?.fields["total"];
          const held = total?.kind === "counter" ? total.sum : 0;
          expect({ name, key, total: held }).toEqual({ name, key, total: this.#expectedTotal(key) });
        }
      }
    });
  }

  #expectedTotal(key: string): number {
    const ofKey = [...this.#requests.values()].filter((request) => request.key === key);
    return ofKey.reduce((sum, request) => sum + request.increment, 0);
  }
}
