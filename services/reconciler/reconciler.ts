/** Verifications and repairs that this process was asked for, or makes on its own: the coordinator's side of reconciliation. */
import { membersNotReading } from "../core/entry-version.ts";
import type { RegionStore } from "../ports/region-store.ts";
import { KEPT_SAMPLE_MAX } from "../ports/verification-records.ts";
import {
  ReconciliationError,
  type Reconciliation,
  type RepairReport,
  type RepairRequest,
  type Verdict,
  type Verification,
} from "../ports/reconciliation.ts";
import { REPAIRS_VERSION } from "../protocol/entry-codec.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { ReconcilerMetrics } from "./metrics.ts";
import {
  checkPreferred,
  planRepair,
  publishRepairs,
  reasonText,
  repairEntries,
  reportOf,
} from "./repairer.ts";
import { VerificationRun, type RunOptions } from "./verification-run.ts";

/** Verifications that are kept; all rows that were found only by the newest of them. */
const KEPT_MAX = 100;
const WHOLE_MAX = 5;
const THINNED_RECORDS = 20;
/** Of all partitions: one that is not among them is too old to count. */
const RECALLED_MAX = 200;
/** Verdicts that say what the regions hold. */
const TELLING: ReadonlySet<Verdict | undefined> = new Set(["match", "diverged"] as const);

export interface ReconcilerOptions extends Omit<RunOptions, "breaker"> {
  readonly partitions: number;
  readonly store: Pick<
    RegionStore,
    "readPositions" | "keepVerification" | "readVerification" | "listVerifications"
  >;
  /** By partition. */
  readonly breakers: readonly Pick<LogBreaker, "publish">[];
  readonly metrics: ReconcilerMetrics;
}

export class Reconciler implements Reconciliation {
  readonly #options: ReconcilerOptions;
  /** Oldest first. */
  readonly #runs = new Map<string, VerificationRun>();
  /** By partition. */
  readonly #underWay = new Map<number, { readonly run: VerificationRun; readonly judged: Promise<void> }>();
  /** By id, until all is known. */
  readonly #unfinished = new Map<string, Promise<void>>();
  /** The log is read for one of them at a time. */
  #proving: Promise<void> = Promise.resolve();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Whether a verification of any partition is under way here. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  async verify(partition: number, isGentle = false): Promise<Verification> {
    const members = await this.#checkMembers(partition);
    // Looked at now: another may have begun in the meantime.
    const running = this.#underWay.get(partition);
    if (running !== undefined) return running.run.view;
    const options = { ...this.#options, breaker: this.#options.breakers[partition]! };
    const run = new VerificationRun({ partition, members, isGentle }, options);
    const judged = this.#carryOut(run);
    this.#underWay.set(partition, { run, judged });
    this.#unfinished.set(
      run.id,
      judged.then(() => this.#prove(run)),
    );
    this.#keep(run);
    return run.view;
  }

  /**
   * Begins one, or joins the one under way, and waits for its end, with what the log proves.
   * @param isGentle it may take its time, for the sake of whatever else the regions do. @throws {ReconciliationError}
   */
  async verifyToEnd(partition: number, isGentle = false): Promise<Verification> {
    const { id } = await this.verify(partition, isGentle);
    const run = this.#runs.get(id)!;
    await this.#unfinished.get(id);
    return run.view;
  }

  /** Like `verifyToEnd`, and waits for the verdict alone. @throws {ReconciliationError} */
  async verifyToVerdict(partition: number, isGentle = false): Promise<Verification> {
    const { id } = await this.verify(partition, isGentle);
    const run = this.#runs.get(id)!;
    await this.#underWay.get(partition)?.judged;
    return run.view;
  }

  /** Of this process, or one that has ended in any process of the region. */
  async read(id: string): Promise<Verification | undefined> {
    return this.#runs.get(id)?.view ?? (await this.#asked(this.#options.store.readVerification(id)));
  }

  async list({ limit }: { limit: number }): Promise<readonly Verification[]> {
    const ended = await this.#asked(this.#options.store.listVerifications({ limit }));
    const known = new Map(ended.map((one) => [one.id, one]));
    for (const { id, view } of this.#runs.values()) known.set(id, view);
    const newest = [...known.values()].toSorted((one, other) => other.startedAtMs - one.startedAtMs);
    return newest.slice(0, limit);
  }

  /** Tells metrics of the partition's newest verdict, whoever has found it: damage stays known over restarts. @throws {ReconciliationError} */
  async recall(partition: number): Promise<void> {
    const told = await this.list({ limit: RECALLED_MAX });
    const newest = told.find((one) => one.partition === partition && TELLING.has(one.verdict));
    if (newest?.verdict === undefined || newest.endedAtMs === undefined) return;
    const { id, verdict, endedAtMs: atMs, differences } = newest;
    this.#options.metrics.recalled({ id, partition, verdict, atMs, differing: differences.records });
  }

  async repair(request: RepairRequest): Promise<RepairReport> {
    const run = this.#repairable(request);
    const { partition, view } = run;
    await this.#checkMembers(partition);
    const { random, clock, region, metrics } = this.#options;
    const { sample } = view.differences;
    checkPreferred(request, sample);
    const id = random.uuid(clock.nowMs());
    const place = { at: view.position!, atMs: run.logTimeMs! };
    const about = { origin: region, id, ...place, reason: reasonText(request.reason) };
    const { preferred, isByMajorityOnly } = request;
    const plan = planRepair(sample, { about, preferred, isByMajorityOnly });
    if (request.isDryRun || plan.decided.length === 0)
      return reportOf(plan, { id: undefined, positions: [] });
    const breaker = this.#options.breakers[partition]!;
    const entries = repairEntries(plan, about);
    const positions = await publishRepairs(entries, { breaker, clock, random });
    metrics.repaired({ partition, records: plan.decided.length });
    const { logger } = this.#options;
    logger.warn({ partition, repair: id, records: plan.decided.length, positions }, "a repair is in the log");
    return reportOf(plan, { id, positions });
  }

  #repairable({ verification, isByMajorityOnly }: RepairRequest): VerificationRun {
    const run = this.#runs.get(verification);
    if (run === undefined) {
      const text = `this process knows no verification ${verification}; verify again where you repair`;
      throw new ReconciliationError("unknown-verification", text);
    }
    const { view, partition } = run;
    // What a majority proves does not wait for what the log says.
    const isKnown = isByMajorityOnly === true ? view.verdict !== undefined : run.isOver;
    if (!isKnown)
      throw new ReconciliationError("not-diverged", "the verification is not over yet; wait for its end");
    if (view.verdict !== "diverged" || view.differences.records === 0) {
      const found = view.verdict === "diverged" ? "no record that differs" : `the verdict ${view.verdict}`;
      const text = `the verification found ${found}: there is nothing that a repair could set`;
      throw new ReconciliationError("not-diverged", text);
    }
    const newer = this.#newestOf(partition);
    if (newer !== run || run.isThinned) {
      const text = `partition ${partition} was verified again since (${newer?.id ?? "?"}): repair what that has found`;
      throw new ReconciliationError("outdated", text);
    }
    return run;
  }

  /** @returns the cluster's members. */
  async #checkMembers(partition: number): Promise<readonly string[]> {
    const positions = await this.#readPositions(partition);
    if (positions.cluster === null) {
      const text = `partition ${partition} is not folded yet; try again once the region is ready`;
      throw new ReconciliationError("unavailable", text);
    }
    const old = membersNotReading(positions, REPAIRS_VERSION);
    if (old.length > 0) {
      const text = `${old.join(", ")} can't read barriers yet: update the software there, and try again when it is ready`;
      throw new ReconciliationError("old-software", text);
    }
    return Object.keys(positions.origins);
  }

  async #readPositions(partition: number) {
    const { partitions, store } = this.#options;
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      const text = `there is no partition ${partition}; there are 0 to ${partitions - 1}`;
      throw new ReconciliationError("unavailable", text);
    }
    return this.#asked(store.readPositions(partition));
  }

  /** @throws {ReconciliationError} unavailable. */
  async #asked<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      const text = `the region's database does not answer: ${describeError(error)}`;
      throw new ReconciliationError("unavailable", text);
    }
  }

  /** What the log proves of it, where nobody has verified the partition anew since. Never rejects. */
  async #prove(run: VerificationRun): Promise<void> {
    if (!run.isOver) {
      const proving = this.#proving.then(() => run.prove(this.#newestOf(run.partition) === run));
      this.#proving = proving;
      await proving;
      await this.#record(run.view);
    }
    this.#unfinished.delete(run.id);
    const older = [...this.#runs.values()].filter(({ isOver }) => isOver).slice(0, -WHOLE_MAX);
    for (const old of older) old.thin(THINNED_RECORDS);
  }

  #newestOf(partition: number): VerificationRun | undefined {
    return [...this.#runs.values()].findLast(
      (run) => run.partition === partition && TELLING.has(run.view.verdict),
    );
  }

  /** What can't be kept is still known here, for as long as the process lives. */
  async #record(verification: Verification): Promise<void> {
    const { store, logger } = this.#options;
    const { differences, id } = verification;
    // Should this process die: nobody else goes on with it.
    const phase = "done";
    const sample = differences.sample.slice(0, KEPT_SAMPLE_MAX);
    try {
      await store.keepVerification({ ...verification, phase, differences: { ...differences, sample } });
    } catch (error) {
      logger.warn({ verification: id, error: describeError(error) }, "a verdict could not be kept");
    }
  }

  async #carryOut(run: VerificationRun): Promise<void> {
    const { metrics, clock } = this.#options;
    await run.run();
    this.#underWay.delete(run.partition);
    const { id, verdict, differences, endedAtMs } = run.view;
    const { partition } = run;
    metrics.verified({
      id,
      partition,
      verdict: verdict!,
      atMs: endedAtMs ?? clock.nowMs(),
      differing: differences.records,
    });
    await this.#record(run.view);
  }

  #keep(run: VerificationRun): void {
    this.#runs.set(run.id, run);
    for (const [id, old] of this.#runs) {
      if (this.#runs.size <= KEPT_MAX) return;
      if (old.isOver) this.#runs.delete(id);
    }
  }
}
