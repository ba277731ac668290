/** Runs a scenario: load → steps at their times, a look every second → stop, heal, wait until drained → what came of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../local/errors.ts";
import type { Action, Done } from "../local/faults/action.ts";
import { waitFor } from "../local/wait.ts";
import { check, checkAtEnd, type Condition, type FinalCondition, type Finding } from "./conditions.ts";
import { ChaosLoad, counterProblems, type LoadResult } from "./load.ts";
import { askStatus, NO_WRITES, observe, undrained, type Observation } from "./observation.ts";
import type { Deed, Report, Verdict } from "./report.ts";
import { sameState, type StoredRegion } from "./same-state.ts";
import { InvalidScenarioError, unknownRegions, type Scenario, type Step } from "./scenario.ts";

export interface ChaosRegion extends StoredRegion {
  readonly url: string;
}

/** The cluster that a scenario runs on. */
export interface ChaosTarget {
  readonly regions: readonly ChaosRegion[];
  perform(action: Action): Promise<Done>;
}

export interface RunOptions {
  readonly target: ChaosTarget;
  /** Ends the run early; what is broken is healed all the same, and the report says so. */
  readonly signal?: AbortSignal;
  /** Told of everything that is done or found, as it happens. */
  readonly onEvent?: (event: { readonly atMs: number; readonly text: string }) => void;
}

const LOOK_EVERY_MS = 1_000;
const DRAIN_TIMEOUT_MS = 120_000;
const DRAIN_INTERVAL_MS = 200;
const PROBLEMS_TOLD_MAX = 3;

/**
 * @throws {InvalidScenarioError} when the scenario names regions that the cluster does not have: nothing is broken then.
 * @throws {DeadlineError} when the cluster does not take the load's first writes.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Report> {
  const { target, signal } = options;
  const names = target.regions.map(({ name }) => name);
  const unknown = unknownRegions(scenario, names);
  if (unknown.length > 0) throw new InvalidScenarioError(`${scenario.name}, ${unknown.join("; ")}`);
  const { writesPerSecond, durationMs } = scenario;
  const load =
    writesPerSecond === undefined
      ? undefined
      : await ChaosLoad.start({ regions: target.regions, writesPerSecond, durationMs, signal });
  return await new Run({ scenario, options, load }).toEnd();
}

interface PendingCheck {
  readonly condition: Condition;
  readonly fromMs: number;
  readonly untilMs: number;
}

class Run {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #load: ChaosLoad | undefined;
  readonly #startedAt = new Date();
  readonly #startMs = performance.now();
  readonly #deeds: Deed[] = [];
  readonly #observations: Observation[] = [];
  readonly #verdicts: Verdict[] = [];
  /** What became of the load, once it is over. */
  #loaded: LoadResult | undefined;
  /** What has not drained in time; a long wait that was in vain is not begun again. */
  #undrained: Promise<string | undefined> | undefined;
  #pending: readonly PendingCheck[];

  constructor(parts: { scenario: Scenario; options: RunOptions; load: ChaosLoad | undefined }) {
    this.#scenario = parts.scenario;
    this.#options = parts.options;
    this.#load = parts.load;
    this.#pending = parts.scenario.steps.flatMap(({ expect, atMs, withinMs }) =>
      expect.map((condition) => ({ condition, fromMs: atMs, untilMs: atMs + withinMs })),
    );
  }

  async toEnd(): Promise<Report> {
    try {
      await Promise.all([this.#watch(), ...this.#scenario.steps.map((step) => this.#doStep(step))]);
    } finally {
      // Whatever went wrong, nothing stays broken and no load goes on.
      const loadEnds = this.#endLoad();
      await Promise.all([loadEnds, this.#do({ do: "heal" })]);
    }
    const healedAtMs = this.#nowMs();
    for (const condition of this.#isInterrupted ? [] : this.#expectedAtEnd) {
      this.#found(condition, await this.#checkAtEnd(condition, healedAtMs));
    }
    return {
      scenario: this.#scenario,
      startedAt: this.#startedAt.toISOString(),
      isInterrupted: this.#isInterrupted,
      deeds: this.#deeds,
      observations: this.#observations,
      verdicts: this.#verdicts,
      load: this.#loaded?.byRegion,
    };
  }

  /** Whatever else a scenario expects: what was acknowledged is there. */
  get #expectedAtEnd(): readonly (Condition | FinalCondition)[] {
    const { expect } = this.#scenario;
    return this.#loaded === undefined ? expect : [...expect, { kind: "acknowledged_writes" }];
  }

  get #isInterrupted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  #nowMs(): number {
    return performance.now() - this.#startMs;
  }

  /** Looks once a second until the end, and decides what is expected by then. */
  async #watch(): Promise<void> {
    const { durationMs } = this.#scenario;
    let decided = Promise.resolve();
    for (let dueMs = 0, isLast = false; !isLast; dueMs += LOOK_EVERY_MS) {
      // A second that was missed altogether is left out.
      dueMs = Math.max(dueMs, Math.floor(this.#nowMs() / LOOK_EVERY_MS) * LOOK_EVERY_MS);
      isLast = dueMs >= durationMs;
      if (!(await this.#until(Math.min(dueMs, durationMs)))) break;
      // During an election a region takes seconds to answer: the next look does not wait for it, only its turn does.
      const look = this.#look();
      const isEnd = isLast;
      decided = Promise.all([look, decided]).then(([seen]) => this.#decide(seen, isEnd));
      decided.catch(() => undefined);
    }
    await decided;
  }

  async #look(): Promise<Observation> {
    const atMs = this.#nowMs();
    const writes = this.#loaded?.counts ?? this.#load?.counts ?? NO_WRITES;
    const { target, signal } = this.#options;
    return observe(await askStatus(target.regions, signal), { atMs, writes });
  }

  #decide(seen: Observation, isLast: boolean): void {
    // What was still under way then was not waited for.
    if (this.#isInterrupted) return;
    this.#observations.push(seen);
    this.#pending = this.#pending.filter(({ condition, fromMs, untilMs }) => {
      if (seen.atMs < fromMs && !isLast) return true;
      const finding = check(condition, seen);
      if (!finding.holds && seen.atMs < untilMs && !isLast) return true;
      this.#found(condition, finding);
      return false;
    });
  }

  async #doStep({ atMs, fault }: Step): Promise<void> {
    if (fault === undefined || !(await this.#until(atMs))) return;
    const done = await this.#do(fault.action);
    if (fault.forMs === undefined || done?.undo === undefined) return;
    if (await this.#until(Math.min(atMs + fault.forMs, this.#scenario.durationMs))) await this.#do(done.undo);
  }

  /** Undefined when it could not be done, which the report tells. */
  async #do(action: Action): Promise<Done | undefined> {
    const atMs = this.#nowMs();
    const note = (told: string, isFailure: boolean): void => {
      this.#deeds.push({ atMs, tookMs: this.#nowMs() - atMs, told, isFailure });
      this.#tell(isFailure ? `FAILED: ${told}` : told);
    };
    try {
      const done = await this.#options.target.perform(action);
      note(done.told, false);
      return done;
    } catch (error) {
      note(`${action.do}: ${messageOf(error)}`, true);
      return undefined;
    }
  }

  async #endLoad(): Promise<void> {
    if (this.#load === undefined) return;
    if (this.#isInterrupted) return await this.#load.kill();
    this.#loaded = await this.#load.stop();
  }

  async #checkAtEnd(condition: Condition | FinalCondition, healedAtMs: number): Promise<Finding> {
    if (condition.kind === "same_state") return await this.#checkState();
    if (condition.kind === "acknowledged_writes") return await this.#checkWrites();
    if (condition.kind !== "drained_within") {
      this.#observations.push(await this.#look());
      return checkAtEnd(condition, this.#observations);
    }
    const problem = await this.#drained();
    const tookMs = this.#nowMs() - healedAtMs;
    const holds = problem === undefined && tookMs <= condition.withinMs;
    return { holds, observed: problem ?? `drained after ${Math.round(tookMs)} ms` };
  }

  async #checkState(): Promise<Finding> {
    const problem = await this.#drained();
    if (problem !== undefined) return { holds: false, observed: problem };
    const { target, signal } = this.#options;
    const statuses = Object.values(await askStatus(target.regions));
    const partitions = Math.max(1, ...statuses.map((status) => status?.partitions.length ?? 0));
    try {
      return await sameState(target.regions, { partitions, signal });
    } catch (error) {
      return { holds: false, observed: messageOf(error) };
    }
  }

  async #checkWrites(): Promise<Finding> {
    const problem = await this.#drained();
    if (problem !== undefined) return { holds: false, observed: problem };
    const { target, signal } = this.#options;
    const { bounds, counts } = this.#loaded!;
    try {
      const found = await Promise.all(
        target.regions.map((region) => counterProblems(region, bounds, signal)),
      );
      const problems = found.flat();
      const observed = problems.slice(0, PROBLEMS_TOLD_MAX).join("; ");
      return { holds: problems.length === 0, observed: observed || `${counts.succeeded} in every region` };
    } catch (error) {
      return { holds: false, observed: messageOf(error) };
    }
  }

  /** Waits, once, until nothing is on its way. @returns what still is after the limit. */
  async #drained(): Promise<string | undefined> {
    this.#undrained ??= this.#untilDrained();
    return await this.#undrained;
  }

  async #untilDrained(): Promise<string | undefined> {
    const look = async (): Promise<true | undefined> => {
      const [missing] = undrained(await askStatus(this.#options.target.regions));
      if (missing !== undefined) throw new Error(missing);
      return true;
    };
    const wait = { what: "drained buffers", timeoutMs: DRAIN_TIMEOUT_MS, intervalMs: DRAIN_INTERVAL_MS };
    try {
      await waitFor(look, { ...wait, signal: this.#options.signal });
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  #found(expected: Condition | FinalCondition, finding: Finding): void {
    this.#verdicts.push({ atMs: this.#nowMs(), expected, ...finding });
    this.#tell(`${expected.kind} ${finding.holds ? "holds" : "BROKEN"}: ${finding.observed}`);
  }

  #tell(text: string): void {
    this.#options.onEvent?.({ atMs: this.#nowMs(), text });
  }

  /** Waits for a time of the scenario; false when the run was interrupted before. */
  async #until(atMs: number): Promise<boolean> {
    const waitMs = Math.max(0, atMs - this.#nowMs());
    await sleep(waitMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
    return !this.#isInterrupted;
  }
}
