/**
 * `npm run bench -- sdk [--only bundle,overhead] [--seconds N]`: what the client costs. Its bundle for browsers, compressed;
 * and its writes next to bare fetch in the same process, to the same region, at the same concurrency, in turns, each in a region
 * that has nothing left to do: in requests of their own, as bare fetch sends them, and together, as the client does where it is
 * not told otherwise.
 */
import { randomUUID } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import {
  createClient,
  counter,
  defineCollection,
  lww,
  type ForebayClient,
} from "../../services/client/index.ts";
import { bundleClient } from "../../infra/build/client.ts";
import { putCollection, untilWalIsEmpty, withCluster } from "./bench-cluster.ts";
import { OptionError, positiveNumber, readOptions } from "./options.ts";
import { median, progress, report, round } from "./report.ts";

const BUNDLE_BYTES_MAX = 12_288;
const OVERHEAD_MAX = 0.1;
const CONCURRENCY = 32;
const SECONDS_DEFAULT = 5;
const WARM_UP_SECONDS = 2;
const KEYS = 2_000;
const PARTS = ["bundle", "overhead"];

const records = defineCollection("bench", { name: lww.string(), likes: counter() });

export async function benchSdk(words: readonly string[]): Promise<void> {
  const { only, seconds } = readOptions(words, ["only", "seconds"]);
  const parts = only?.split(",") ?? PARTS;
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new OptionError(`--only takes ${PARTS.join(" and ")}, not ${unknown}`);
  if (parts.includes("bundle")) await measureBundle();
  if (parts.includes("overhead")) await measureOverhead(positiveNumber(seconds, "seconds", SECONDS_DEFAULT));
}

async function measureBundle(): Promise<void> {
  const code = Buffer.from(await bundleClient());
  const parameters = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  const bytes = brotliCompressSync(code, { params: parameters }).byteLength;
  const sizes = { bytes: code.byteLength, gzip_bytes: gzipSync(code, { level: 9 }).byteLength };
  report("sdk.bundle", { ...sizes, brotli_bytes: bytes, brotli_bytes_max: BUNDLE_BYTES_MAX });
  if (bytes >= BUNDLE_BYTES_MAX)
    throw new Error(`the bundle has ${bytes} bytes, ${BUNDLE_BYTES_MAX} at most`);
}

type WriteOne = (index: number) => Promise<unknown>;

/**
 * bare: as an app sends it that knows nothing of retries; keyed: with a key under which it may be sent again, as the client
 * does, so what it costs more than bare is the region's; sdk, and together: through the client.
 */
const COMPARED = ["bare", "keyed", "sdk"] as const;
const WAYS = [...COMPARED, "together"] as const;
type Way = (typeof WAYS)[number];

/** Each is first, second and third equally often, and behind each other one: what one leaves to vacuum falls on all alike. */
const ORDERS: readonly (readonly Way[])[] = [
  ["bare", "keyed", "sdk"],
  ["sdk", "keyed", "bare"],
  ["keyed", "sdk", "bare"],
  ["bare", "sdk", "keyed"],
  ["sdk", "bare", "keyed"],
  ["keyed", "bare", "sdk"],
];
const TOGETHER_TURNS = 3;

interface Rate {
  readonly perSecond: number;
  /** Of this process, for one write. */
  readonly cpuMicroseconds: number;
}

async function measureOverhead(seconds: number): Promise<void> {
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const [{ url }] = cluster.regions as [(typeof cluster.regions)[number]];
    await putCollection(url, records.name, records.schema.fields);
    const writes: { readonly [W in Way]: WriteOne } = {
      bare: (index) => bareWrite(url, index),
      keyed: (index) => bareWrite(url, index, { "idempotency-key": randomUUID() }),
      sdk: writeOf(createClient({ regions: { here: url }, limits: { gatherMax: 1 } })),
      together: writeOf(createClient({ regions: { here: url } })),
    };
    const rates: { readonly [W in Way]: Rate[] } = { bare: [], keyed: [], sdk: [], together: [] };
    for (const way of WAYS) await rate(writes[way], WARM_UP_SECONDS);
    const measure = async (way: Way) => {
      // None pays for what another has left to fold.
      await untilWalIsEmpty(url);
      rates[way].push(await rate(writes[way], seconds));
    };
    for (const [turn, ways] of ORDERS.entries()) {
      progress(`turn ${turn + 1} of ${ORDERS.length}`);
      for (const way of ways) await measure(way);
    }
    progress("together");
    for (let turn = 1; turn <= TOGETHER_TURNS; turn += 1) await measure("together");
    reportOverhead(rates);
  });
}

function reportOverhead(rates: { readonly [W in Way]: readonly Rate[] }): void {
  // Of one turn: what else the machine does hits both.
  const overheadTo = (way: "bare" | "keyed") =>
    median(rates[way].map(({ perSecond }, turn) => perSecond / rates.sdk[turn]!.perSecond - 1));
  const overhead = overheadTo("bare");
  const each = WAYS.map((way) => ({
    [`${way}_writes_per_second`]: Math.round(median(rates[way].map(({ perSecond }) => perSecond))),
    [`${way}_cpu_us`]: Math.round(median(rates[way].map(({ cpuMicroseconds }) => cpuMicroseconds))),
  }));
  report("sdk.overhead", {
    concurrency: CONCURRENCY,
    ...(Object.assign({}, ...each) as object),
    overhead: round(overhead, 3),
    overhead_to_keyed: round(overheadTo("keyed"), 3),
    overhead_max: OVERHEAD_MAX,
  });
  if (overhead >= OVERHEAD_MAX)
    throw new Error(`the client costs ${round(overhead * 100)} % more than bare fetch`);
}

function writeOf(client: ForebayClient): WriteOne {
  const collection = client.collection(records);
  return (index) => collection.write(keyOf(index), bodyOf(index));
}

const keyOf = (index: number): string => `key-${(index * 7_919) % KEYS}`;
const bodyOf = (index: number) => ({ set: { name: `Ada Lovelace ${index}` }, inc: { likes: 1 } });

async function bareWrite(url: string, index: number, headers: object = {}): Promise<unknown> {
  const response = await fetch(`${url}/v1/collections/bench/records/${keyOf(index)}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(bodyOf(index)),
  });
  const answer: unknown = await response.json();
  if (response.status !== 202) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Of a closed loop. */
async function rate(write: WriteOne, seconds: number): Promise<Rate> {
  const startedAtMs = performance.now();
  const cpu = process.cpuUsage();
  const endAtMs = startedAtMs + seconds * 1_000;
  let count = 0;
  const loop = async () => {
    while (performance.now() < endAtMs) {
      count += 1;
      await write(count);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, loop));
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: count / ((performance.now() - startedAtMs) / 1_000),
    cpuMicroseconds: (user + system) / count,
  };
}
