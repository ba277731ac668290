/** After the load: everything drains, every region holds the same, and exactly what clients were told. */
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { sumProblems, type Bounds } from "../../load/accounting.ts";
import type { StreamRecord } from "../../load/record.ts";
import type { RegionView } from "../../local/cluster-options.ts";
import { DeadlineError, messageOf } from "../../local/errors.ts";
import { digestOf } from "../../local/records-digest.ts";
import { Api, type RegionAddress } from "../retail/api.ts";
import { CLASSES, type WriteClass } from "./recording.ts";
import type { RegionDigest, Verification } from "./summary.ts";
import { expectedSums, TARGETS } from "./traffic.ts";
import type { StatusWatch } from "./watch.ts";

const DRAIN_TIMEOUT_MS = 60_000;
const PROBLEMS_PER_REGION = 3;

export async function verify(options: {
  readonly regions: readonly RegionView[];
  readonly records: readonly StreamRecord[];
  readonly watch: StatusWatch;
  readonly signal: AbortSignal;
}): Promise<Verification> {
  const { regions, records, watch, signal } = options;
  const drained = await drain(watch, signal);
  const digests = await Promise.all(regions.map(regionDigest));
  const sums = expectedSums(records);
  const counters = await Promise.all(regions.map((region) => counterProblems(region, regions, sums)));
  return { ...drained, digests, counters: counters.flat() };
}

async function drain(
  watch: StatusWatch,
  signal: AbortSignal,
): Promise<Pick<Verification, "drainSeconds" | "missing">> {
  try {
    const goal = await watch.goalNow();
    const drainSeconds = await watch.reach(goal, { timeoutMs: DRAIN_TIMEOUT_MS, signal });
    return { drainSeconds, missing: [] };
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    return { drainSeconds: undefined, missing: [error.message] };
  }
}

/** Of all committed rows, read from the region's own database. */
async function regionDigest({ name, postgres }: RegionView): Promise<RegionDigest> {
  const store = openPostgresStore({ url: postgres.url, region: name });
  try {
    const { digest } = await digestOf(store, 0);
    return { region: name, digest };
  } catch (error) {
    return { region: name, digest: undefined, problem: messageOf(error) };
  } finally {
    await store.close();
  }
}

async function counterProblems(
  region: RegionAddress,
  regions: readonly RegionAddress[],
  sums: Readonly<Record<WriteClass, ReadonlyMap<string, Bounds>>>,
): Promise<string[]> {
  try {
    const api = new Api(regions);
    const problems: string[] = [];
    for (const writeClass of CLASSES) {
      const { collection, field } = TARGETS[writeClass];
      const held = new Map<string, number>();
      for await (const { key, fields } of api.records(region, collection)) {
        held.set(key, Number(fields[field] ?? 0));
      }
      const heldOf = (key: string) => held.get(key) ?? 0;
      problems.push(...sumProblems(sums[writeClass], heldOf, PROBLEMS_PER_REGION));
    }
    return problems.map((problem) => `in ${region.name}, ${problem}`);
  } catch (error) {
    return [`the records of ${region.name} can't be read: ${messageOf(error)}`];
  }
}
