/**
 * The writes of a paced load that can be checked afterwards: counters and last-write-wins fields on keys that all regions
 * share, and authoritative writes that each claim a record of their own.
 */
import type { LoadRequest, StreamPlan } from "../../../infra/load/plan.ts";
import type { Contribution } from "../../../infra/load/accounting.ts";
import { eventually, type Bed } from "./bed.ts";

export const PACED_COLLECTION = "paced";
const SCHEMA = {
  fields: {
    total: { class: "merge", kind: "counter" },
    last: { class: "lww", type: "string" },
    owner: { class: "authoritative", type: "string", unique: true },
  },
};

const KEYS_COUNT = 2_000;
/** Has no divisor in common with their number, so that it leads to each of them. */
const KEY_STRIDE = 7_919;
const CONTENDED_EVERY = 8;
const REQUESTS_COUNT = 4_000;
const INCREMENTS = 3;
/** Well below the time that a client waits, so that each is answered. */
export const DEADLINE_MS = 5_000;

export type RegionPlace = { readonly name: string; readonly url: string };

/** Makes the collection, and waits until every region has it: a schema gets there through the log. */
export async function openPacedCollection({ cluster }: Pick<Bed, "cluster">): Promise<void> {
  const path = `/v1/collections/${PACED_COLLECTION}`;
  await eventually("the collection is made", async () => {
    const headers = { "content-type": "application/json" };
    const url = `${cluster.regions[0]!.url}${path}`;
    const response = await fetch(url, { method: "PUT", headers, body: JSON.stringify(SCHEMA) });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return true;
  });
  for (const { name, url } of cluster.regions) {
    await eventually(`${name} has the collection`, async () => {
      const probe = `${url}${path}/records?limit=1`;
      return (await fetch(probe)).status === 200 ? true : undefined;
    });
  }
}

/** Writes that the region takes alone. @param run keeps idempotency keys of several loads apart. */
export function localStream({ name, url }: RegionPlace, ratePerSecond: number, run: string): StreamPlan {
  return {
    name: `${name}.local`,
    region: name,
    class: "local",
    urls: [url],
    ratePerSecond,
    idempotencyPrefix: `${run}-${name}-local`,
    requests: Array.from({ length: REQUESTS_COUNT }, (_, index) => localWrite(name, index)),
  };
}

/** The same from an app whose client sends what comes together in one request, as `forebay/client` does. */
export function togetherStream(...of: Parameters<typeof localStream>): StreamPlan {
  const path = `/v1/collections/${PACED_COLLECTION}/import`;
  return { ...localStream(...of), together: { path, linesMax: 64, requestsMax: 4 } };
}

/** Every region writes to all keys, each from a key of its own on; one write in eight is to what all write at that moment. */
function sharedKey(region: string, index: number): string {
  const first = index % CONTENDED_EVERY === 0 ? 0 : firstKeyOf(region);
  return `shared-${(first + index * KEY_STRIDE) % KEYS_COUNT}`;
}

function firstKeyOf(region: string): number {
  return Buffer.from(region).reduce((number, byte) => (number * 37 + byte) % KEYS_COUNT, 7);
}

const increment = (index: number): number => 1 + (index % INCREMENTS);

function localWrite(region: string, index: number): LoadRequest {
  const key = sharedKey(region, index);
  return {
    ...recordRequest(key),
    body: JSON.stringify({ inc: { total: increment(index) }, set: { last: `${region}-${index}` } }),
  };
}

/** What the n-th request of a region's local stream adds to which counter. */
export function contributionOf(region: string, number: number): Contribution {
  const index = number % REQUESTS_COUNT;
  return { key: sharedKey(region, index), amount: increment(index) };
}

/** Writes that the log decides on: each makes a record of its own, with a unique value, if it is not there yet. */
export function authoritativeStream(
  { name, url }: RegionPlace,
  { ratePerSecond, secondsMax, run }: { ratePerSecond: number; secondsMax: number; run: string },
): StreamPlan {
  const count = Math.ceil(ratePerSecond * secondsMax) + 1;
  return {
    name: `${name}.authoritative`,
    region: name,
    class: "authoritative",
    urls: [url],
    ratePerSecond,
    idempotencyPrefix: authoritativePrefix(name, run),
    headers: { "Forebay-Deadline-Ms": String(DEADLINE_MS) },
    requests: Array.from({ length: count }, (_, number) => {
      const key = ownKey(name, run, number);
      return { ...recordRequest(key), body: JSON.stringify({ set: { owner: key }, if: { version: null } }) };
    }),
  };
}

export function authoritativePrefix(region: string, run: string): string {
  return `${run}-${region}-authoritative`;
}

/** The record of an authoritative stream's n-th request, which nothing else writes to. */
export function ownKey(region: string, run: string, number: number): string {
  return `own-${run}-${region}-${number}`;
}

function recordRequest(key: string): Omit<LoadRequest, "body"> {
  return { method: "PATCH", path: `/v1/collections/${PACED_COLLECTION}/records/${key}`, key };
}
