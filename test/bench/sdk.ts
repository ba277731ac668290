/**
 * `npm run bench -- sdk [--only bundle,overhead] [--seconds N]`: what the client costs. Its bundle for browsers, compressed;
 * and its writes next to bare fetch in the same process, to the same region, at the same concurrency, in turns: each in a
 * request of its own, as bare fetch sends them, and together, as the client does where it is not told otherwise.
 */
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import {
  createClient,
  counter,
  defineCollection,
  lww,
  type ForebayClient,
} from "../../services/client/index.ts";
import { bundleClient } from "../../infra/build/client.ts";
import { putCollection, withCluster } from "./bench-cluster.ts";
import { OptionError, positiveNumber, readOptions } from "./options.ts";
import { median, progress, report, round } from "./report.ts";

const BUNDLE_BYTES_MAX = 12_288;
const OVERHEAD_MAX = 0.1;
const CONCURRENCY = 32;
const SECONDS_DEFAULT = 5;
const ROUNDS = 5;
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

async function measureOverhead(seconds: number): Promise<void> {
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const [{ url }] = cluster.regions as [(typeof cluster.regions)[number]];
    await putCollection(url, records.name, records.schema.fields);
    const bare: WriteOne = (index) => bareWrite(url, index);
    const sdk = writeOf(createClient({ regions: { here: url }, limits: { gatherMax: 1 } }));
    const together = writeOf(createClient({ regions: { here: url } }));
    for (const write of [bare, sdk, together]) await rate(write, WARM_UP_SECONDS);
    const bareRates: number[] = [];
    const sdkRates: number[] = [];
    const togetherRates: number[] = [];
    for (let pair = 1; pair <= ROUNDS; pair += 1) {
      progress(`pair ${pair} of ${ROUNDS}`);
      bareRates.push(await rate(bare, seconds));
      sdkRates.push(await rate(sdk, seconds));
      togetherRates.push(await rate(together, seconds));
    }
    // Of neighbours in time: what else the machine does hits both.
    const overhead = median(bareRates.map((bareRate, index) => bareRate / sdkRates[index]! - 1));
    report("sdk.overhead", {
      concurrency: CONCURRENCY,
      bare_writes_per_second: Math.round(median(bareRates)),
      sdk_writes_per_second: Math.round(median(sdkRates)),
      sdk_writes_per_second_together: Math.round(median(togetherRates)),
      overhead: round(overhead, 3),
      overhead_max: OVERHEAD_MAX,
    });
    if (overhead >= OVERHEAD_MAX)
      throw new Error(`the client costs ${round(overhead * 100)} % more than bare fetch`);
  });
}

function writeOf(client: ForebayClient): WriteOne {
  const collection = client.collection(records);
  return (index) => collection.write(keyOf(index), bodyOf(index));
}

const keyOf = (index: number): string => `key-${(index * 7_919) % KEYS}`;
const bodyOf = (index: number) => ({ set: { name: `Ada Lovelace ${index}` }, inc: { likes: 1 } });

async function bareWrite(url: string, index: number): Promise<unknown> {
  const response = await fetch(`${url}/v1/collections/bench/records/${keyOf(index)}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(bodyOf(index)),
  });
  const answer: unknown = await response.json();
  if (response.status !== 202) throw new Error(`${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Writes per second of a closed loop. */
async function rate(write: WriteOne, seconds: number): Promise<number> {
  const startedAtMs = performance.now();
  const endAtMs = startedAtMs + seconds * 1_000;
  let count = 0;
  const loop = async () => {
    while (performance.now() < endAtMs) {
      count += 1;
      await write(count);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, loop));
  return count / ((performance.now() - startedAtMs) / 1_000);
}
