/** A reconciler in memory: verifications as the tests say they are, and repairs that set what is proven or preferred. */
import type { Hlc } from "../../../services/core/hlc.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import {
  ReconciliationError,
  type DifferingRecord,
  type Reconciliation,
  type RepairReport,
  type RepairRequest,
  type Verification,
} from "../../../services/ports/reconciliation.ts";

export const STARTED_AT_MS = 1_760_000_000_000;
export const REPAIR = "0199a1b2-0000-7000-8000-0000000000ff";
/** Of partition 0. */
export const VERIFICATION = verificationId(0);
const DIGEST = "5f0e9a3c41d27b68c0d1e2f3a4b5c6d7";
const OTHER_DIGEST = DIGEST.replaceAll("5", "6");

export function verificationId(number: number): string {
  return `0199a1b2-0000-7000-8000-${String(number).padStart(12, "0")}`;
}

const HLC = "0198f0c0a0b00001" as Hlc;
const CELL = { kind: "lww", hlc: HLC, origin: "eu", position: 12 } as const;

export function row(key: string, name: string | undefined, more: Partial<StoredRecord> = {}): StoredRecord {
  const fields: StoredRecord["fields"] = name === undefined ? {} : { name: { ...CELL, value: name } };
  return { tenant: "default", collection: "users", key, fields, version: 12, ...more };
}

export function deletedAt(logTimeMs: number): Pick<StoredRecord, "tombstone"> {
  return { tombstone: { hlc: HLC, origin: "eu", logTimeMs } };
}

/** A record whose rows differ: `rows` by region. */
export function differing(
  key: string,
  rows: DifferingRecord["rows"],
  proven?: DifferingRecord["proven"],
): DifferingRecord {
  return { tenant: "default", collection: "users", key, rows, proven };
}

const ADA = row("ada", "Ada");
/** One region holds another value. */
export const EDITED = differing(
  "ada",
  { eu: ADA, us: ADA, ap: row("ada", "Eve") },
  { record: ADA, by: "majority", reason: "2 of 3 regions hold it" },
);
/** Nobody is in the majority. */
export const TORN = differing("bob", { eu: row("bob", "Bob"), us: row("bob", "Rob"), ap: null });

export function matching(partition: number): Verification {
  return {
    id: verificationId(partition),
    partition,
    startedAtMs: STARTED_AT_MS,
    endedAtMs: STARTED_AT_MS + 900,
    phase: "done",
    position: 1_234,
    verdict: "match",
    reason: "3 of 3 regions hold the same",
    regions: ["eu", "us", "ap"].map((region) => ({
      region,
      problem: undefined,
      rows: 2_000,
      digest: DIGEST,
    })),
    differences: { records: 0, sample: [], rest: [] },
  };
}

export function diverged(sample: readonly DifferingRecord[], rest: readonly string[] = []): Verification {
  const found = matching(0);
  const regions = found.regions.map((one) => (one.region === "ap" ? { ...one, digest: OTHER_DIGEST } : one));
  const differences = { records: sample.length, sample, rest };
  return { ...found, verdict: "diverged", reason: "the regions hold others", regions, differences };
}

export function waiting(partition: number): Verification {
  const regions = ["eu", "us", "ap"].map((region) => ({
    region,
    problem: undefined,
    rows: undefined,
    digest: undefined,
  }));
  const nothing = { endedAtMs: undefined, position: undefined, verdict: undefined, reason: undefined };
  return { ...matching(partition), ...nothing, phase: "waiting", regions };
}

export class StubReconciliation implements Reconciliation {
  /** Thrown by every method, when set. */
  failure: unknown;
  readonly verified: number[] = [];
  readonly repairs: RepairRequest[] = [];
  /** By id. */
  readonly known = new Map<string, Verification>();
  /** What the next reads of any verification tell, one after the other, before what is known. */
  readonly progress: (Verification | Error)[] = [];
  /** What partitions are found to be. */
  outcome: (partition: number) => Verification = matching;

  async verify(partition: number): Promise<Verification> {
    this.#check();
    this.verified.push(partition);
    const found = this.outcome(partition);
    this.known.set(found.id, found);
    return waiting(partition);
  }

  async read(id: string): Promise<Verification | undefined> {
    this.#check();
    const next = this.progress.shift();
    if (next instanceof Error) throw next;
    return next ?? this.known.get(id);
  }

  async list({ limit }: { limit: number }): Promise<readonly Verification[]> {
    this.#check();
    return [...this.known.values()].toReversed().slice(0, limit);
  }

  async repair(request: RepairRequest): Promise<RepairReport> {
    this.#check();
    this.repairs.push(request);
    const { sample, records } = this.known.get(request.verification)!.differences;
    if (records === 0) {
      throw new ReconciliationError("not-diverged", "the verification has found the regions to be equal");
    }
    const { preferred, isDryRun } = request;
    const decided = sample.filter(({ proven }) => proven !== undefined || preferred !== undefined);
    const isDone = !isDryRun && decided.length > 0;
    return {
      id: isDone ? REPAIR : undefined,
      records: decided.length,
      sample: decided,
      undecided: sample.filter((record) => !decided.includes(record)),
      positions: isDone ? [1_240] : [],
    };
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}
