/**
 * What must hold once a paced load is over and everything is mended: every region holds the same, counters hold what was
 * acknowledged, and each authoritative write is there or not, as its client was told or can find out.
 */
import { inParallel } from "../../../infra/demo/retail/in-parallel.ts";
import { sumBounds, sumProblems } from "../../../infra/load/accounting.ts";
import { idempotencyKeyOf } from "../../../infra/load/plan.ts";
import type { Outcome, StreamRecord } from "../../../infra/load/record.ts";
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import { chainsAtOnePosition, converged, digests, eventually, withStores, type Bed } from "./bed.ts";
import {
  authoritativePrefix,
  contributionOf,
  DEADLINE_MS,
  ownKey,
  PACED_COLLECTION,
} from "./paced-writes.ts";
import { foldedAlike, snapshotOf, type Snapshot } from "./snapshots.ts";

const TENANT = "default";
const PARTITION = 0;
const PROBLEMS_MAX = 20;
/** Regions' clocks and that of the load are one here; log time may be a little ahead of it. */
const EXPIRY_SLACK_MS = 2_000;

export interface PacedCheck {
  /** What is wrong; empty when nothing is. */
  readonly problems: readonly string[];
  /** How many outcomes were unknown, and what they turned out to be. */
  readonly unknown: { readonly committed: number; readonly dead: number };
  readonly committed: number;
  readonly dead: number;
  /** One for all regions, where they agree. */
  readonly digests: readonly string[];
}

export interface Checked {
  /** Of the load: `.local` and `.authoritative` streams of `paced-writes.ts`. */
  readonly records: readonly StreamRecord[];
  readonly run: string;
}

export async function checkPaced(bed: Bed, { records, run }: Checked): Promise<PacedCheck> {
  return withStores(bed, async (stores) => {
    await converged(bed, stores);
    const authoritative = records.filter((record) => record.class === "authoritative");
    const fates: Fate[] = [];
    for (const record of authoritative) fates.push(...(await fatesOf(bed, record, run)));
    await foldedAlike(stores, PARTITION);
    const held = await digests(stores, PARTITION);
    const chains = await chainsAtOnePosition(stores, PARTITION);
    const problems: string[] = [];
    if (new Set(held).size > 1) problems.push(`regions hold different records: ${held.join(" ")}`);
    if (new Set(chains).size > 1) problems.push(`regions have folded different logs: ${chains.join(" ")}`);
    for (const [region, store] of stores) {
      const snapshot = await snapshotOf(store, { partition: PARTITION, collection: PACED_COLLECTION });
      const inRegion = [...counterProblems(records, snapshot), ...fateProblems(fates, snapshot)];
      problems.push(...inRegion.map((problem) => `${region}: ${problem}`));
    }
    const unknown = fates.filter(({ told }) => told === "unknown");
    return {
      problems: problems.slice(0, PROBLEMS_MAX),
      unknown: { committed: countCommitted(unknown), dead: unknown.length - countCommitted(unknown) },
      committed: countCommitted(fates),
      dead: fates.length - countCommitted(fates),
      digests: [...new Set(held)],
    };
  });
}

function countCommitted(fates: readonly Fate[]): number {
  return fates.filter(({ isCommitted }) => isCommitted).length;
}

function counterProblems(records: readonly StreamRecord[], snapshot: Snapshot): string[] {
  const local = records.filter((record) => record.class === "local");
  const bounds = sumBounds(local, (record, number) => contributionOf(record.region, number));
  return sumProblems(bounds, (key) => {
    const total = snapshot.records.get(key)?.fields["total"];
    return total?.kind === "counter" ? total.sum : 0;
  });
}

/** What an authoritative write came to, by what its client was told, now or when it asked. */
export interface Fate {
  readonly key: string;
  readonly told: Outcome;
  readonly isCommitted: boolean;
}

/** What is told dead must not be there, and what is told committed must. */
export function fateProblems(
  fates: readonly Fate[],
  snapshot: { readonly records: ReadonlyMap<string, unknown> },
): string[] {
  return fates.flatMap(({ key, told, isCommitted }) => {
    const isThere = snapshot.records.has(key);
    if (isThere === isCommitted) return [];
    return [`${key} is ${isThere ? "there" : "not there"}, and its client was told ${told}`];
  });
}

async function fatesOf(bed: Bed, record: StreamRecord, run: string): Promise<Fate[]> {
  const fates: Fate[] = [];
  const numbers = Array.from({ length: record.count }, (_, number) => number);
  await inParallel(numbers, async (number) => {
    const told = record.outcome(number);
    const key = ownKey(record.region, run, number);
    const isDoubtful = told === "unknown" || told === "waiting";
    const isCommitted = isDoubtful ? await settled(bed, { record, run, number }) : told === "succeeded";
    fates.push({ key, told, isCommitted });
  });
  return fates;
}

/** Asks every region what became of a write, until each knows. @throws {Error} when they don't say the same. */
async function settled(
  { cluster }: Bed,
  { record, run, number }: { record: StreamRecord; run: string; number: number },
): Promise<boolean> {
  const idempotencyKey = idempotencyKeyOf(authoritativePrefix(record.region, run), number);
  const operation = idempotentOperationId(TENANT, idempotencyKey);
  // Where the answer was lost, the region has not told until when; no later than this.
  const expiresAtMs = record.expiresAtMs(number) ?? Date.now() + DEADLINE_MS + EXPIRY_SLACK_MS;
  const verdicts = await Promise.all(
    cluster.regions.map(({ name, url }) =>
      eventually(`${name} knows what became of ${operation}`, async () => {
        const response = await fetch(`${url}/v1/operations/${operation}?expires_at_ms=${expiresAtMs}`);
        const { status } = (await response.json()) as { status?: unknown };
        if (status === "committed") return "committed" as const;
        return status === "rejected" || status === "expired" ? ("dead" as const) : undefined;
      }),
    ),
  );
  if (new Set(verdicts).size > 1) throw new Error(`of ${operation} regions say ${verdicts.join(", ")}`);
  return verdicts[0] === "committed";
}
