/**
 * `npm run bench overload`: what a region still does under three times the load that it can take.
 *
 * The peak is found by a closed loop over ever more connections, and looked at again around each overload, since the
 * machine may do other things meanwhile. Goodput is what was answered 2xx within a second of the request's arrival. What
 * the region process makes of a second of processor time is told as well; on a busy machine that is no steadier, since
 * answers come late there: measure on a quiet one.
 * Afterwards every acknowledged write must be there, once.
 */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { Worker } from "node:worker_threads";
import { putCollection, untilWalIsEmpty, withCluster } from "./bench-cluster.ts";
import type { OverloadOptions, OverloadResult } from "./overload-load.ts";
import { probeWhile } from "./overload-probes.ts";
import { progress, report, round } from "./report.ts";

const COLLECTION = "bench";
const FIELD = "likes";
const FIELDS = { name: { class: "lww", type: "string" }, [FIELD]: { class: "merge", kind: "counter" } };
const KEYS = Array.from({ length: 500 }, (_, index) => `key-${index}`);
const RECORDS_PATH = `/v1/collections/${COLLECTION}/records`;
const PATIENCE_MS = 1_000;
const PEAK_SECONDS = 4;
const PEAK_CONNECTIONS = [64, 128, 256, 512];
const OVERLOAD_SECONDS = 10;
const OVERLOAD_CONNECTIONS = [512, 2_048];
const OVERLOAD_FACTOR = 3;
const TICKS_PER_SECOND = 100;

interface Run {
  readonly url: string;
  /** Of the region process. */
  readonly pid: number;
  readonly tally: Tally;
}

/** Accepted in time, per second of the clock and of the region's processor time. */
interface Measured {
  readonly result: OverloadResult;
  readonly perSecond: number;
  readonly perProcessorSecond: number;
}

export async function benchOverload(): Promise<void> {
  await withCluster("test/bench/topology.yaml", async (cluster) => {
    const { url, pid } = cluster.region("eu");
    if (pid === undefined) throw new Error("the region process has ended");
    await putCollection(url, COLLECTION, FIELDS);
    const tally = new Tally();
    const run: Run = { url, pid, tally };
    const connections = await findPeak(run);
    for (const overloaded of OVERLOAD_CONNECTIONS) {
      const before = await closedLoop(run, connections);
      const rate = OVERLOAD_FACTOR * before.perSecond;
      progress(`open loop of ${Math.round(rate)}/s over ${overloaded} connections`);
      const options = { ...loadOptions(url), connections: overloaded, seconds: OVERLOAD_SECONDS, rate };
      const probed = await probeWhile({ url, recordPath: `${RECORDS_PATH}/${KEYS[0]}` }, () =>
        measure(run, options),
      );
      const after = await closedLoop(run, connections);
      const { reads, health, result } = probed;
      report("overload", { connections: overloaded, ...figuresOf(result, before, after), reads, health });
    }
    report("overload.afterwards", await tally.verify(url));
  });
}

function loadOptions(url: string): Omit<OverloadOptions, "connections" | "seconds"> {
  return { url, patienceMs: PATIENCE_MS, collection: COLLECTION, field: FIELD, keys: KEYS };
}

/** @returns with how many connections most is accepted. */
async function findPeak(run: Run): Promise<number> {
  let best = { connections: 0, perSecond: 0 };
  await closedLoop(run, PEAK_CONNECTIONS[0]!);
  for (const connections of PEAK_CONNECTIONS) {
    const { perSecond } = await closedLoop(run, connections);
    progress(`closed loop over ${connections} connections: ${Math.round(perSecond)}/s`);
    if (perSecond > best.perSecond) best = { connections, perSecond };
  }
  return best.connections;
}

function closedLoop(run: Run, connections: number): Promise<Measured> {
  return measure(run, { ...loadOptions(run.url), connections, seconds: PEAK_SECONDS });
}

async function measure({ pid, tally }: Run, options: OverloadOptions): Promise<Measured> {
  const startedAt = processorSeconds(pid);
  const result = await fire(options);
  tally.add(result);
  const perProcessorSecond = result.acceptedInTime / (processorSeconds(pid) - startedAt);
  return { result, perSecond: result.acceptedInTime / result.seconds, perProcessorSecond };
}

/** That a process has used so far. */
function processorSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in brackets, may hold spaces; user and system time are the 14th and 15th of all fields.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** In a thread of its own. */
function fire(options: OverloadOptions): Promise<OverloadResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("overload-load.js", import.meta.url), { workerData: options });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function figuresOf({ result, perSecond, perProcessorSecond }: Measured, before: Measured, after: Measured) {
  return {
    peak_before_per_second: Math.round(before.perSecond),
    peak_after_per_second: Math.round(after.perSecond),
    offered_per_second: Math.round(result.arrived / result.seconds),
    accepted_per_second: Math.round(result.accepted / result.seconds),
    goodput_per_second: Math.round(perSecond),
    ratio_to_peak: round((2 * perSecond) / (before.perSecond + after.perSecond)),
    ratio_to_peak_by_processor_time: round(
      (2 * perProcessorSecond) / (before.perProcessorSecond + after.perProcessorSecond),
    ),
    refused: result.refused,
    went_away: result.unserved,
    unknown: result.unknown,
    accepted_p50_ms: Math.round(result.acceptedP50Ms),
    accepted_p99_ms: Math.round(result.acceptedP99Ms),
    refused_p50_ms: Math.round(result.refusedP50Ms),
    machine_load: round(loadavg()[0]!),
  };
}

/** What every key must have come to. */
class Tally {
  readonly #acknowledged = KEYS.map(() => 0);
  readonly #unknown = KEYS.map(() => 0);

  add({ acknowledgedByKey, unknownByKey }: OverloadResult): void {
    for (const [index, count] of acknowledgedByKey.entries()) this.#acknowledged[index]! += count;
    for (const [index, count] of unknownByKey.entries()) this.#unknown[index]! += count;
  }

  /** @throws {Error} when a key has less than was acknowledged, or more than was sent and not refused. */
  async verify(url: string): Promise<Readonly<Record<string, number>>> {
    await untilWalIsEmpty(url);
    let found = 0;
    for (const [index, key] of KEYS.entries()) {
      const response = await fetch(`${url}${RECORDS_PATH}/${key}`);
      const { fields } = (await response.json()) as { fields: { [FIELD]: number } };
      const [least, most] = [this.#acknowledged[index]!, this.#acknowledged[index]! + this.#unknown[index]!];
      found += fields[FIELD];
      if (fields[FIELD] < least || fields[FIELD] > most) {
        throw new Error(`${key} has ${fields[FIELD]}; it must have ${least} to ${most}`);
      }
    }
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    return { acknowledged: sum(this.#acknowledged), unknown: sum(this.#unknown), found, lost: 0 };
  }
}
