/**
 * `npm run bench -- verify --chaos [--verifications N] [--seconds N]`: whether verdicts are true on real servers while links
 * are cut and jitter, the log's leader steps down and region processes restart, under writes from all regions.
 *
 * Every other verification has one drifted row to find. Counted are those that could tell; what nobody could compare, because
 * a region was cut off at the time, is told apart and tried again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalCluster } from "../../../infra/local/cluster.ts";
import type { Verification } from "../../../services/ports/reconciliation.ts";
import { progress, report } from "../report.ts";
import { plantDrift, type Drift } from "./drift.ts";
import { Appender, type Stores } from "./folding.ts";
import { loadRows, writeTemplate } from "./load-rows.ts";
import type { MeasuredCoordinator } from "./measured-coordinator.ts";

export interface ChaosOptions {
  readonly verifications: number;
  /** No verification begins after this time. */
  readonly secondsMax: number;
}

const RECORDS = 4_000;
/** Of these; the others stay as they are, but for what drifts. */
const WRITTEN_RECORDS = RECORDS / 2;
const WRITES_PER_SECOND = 150;
const TRIES_MAX = 60;
const CALM_MS = 1_000;
const TROUBLE_MS = 2_000;
const PROGRESS_EVERY = 20;

interface Chaos {
  readonly cluster: LocalCluster;
  readonly coordinator: MeasuredCoordinator;
  readonly stores: Stores;
}

export async function benchVerdicts(chaos: Chaos, options: ChaosOptions): Promise<void> {
  const { cluster, coordinator, stores } = chaos;
  await writeTemplate(cluster);
  await loadRows(cluster, { first: 0, last: RECORDS - 1 });
  const writes = new Appender(stores, WRITTEN_RECORDS);
  writes.start(WRITES_PER_SECOND);
  const trouble = new Trouble(cluster);
  const verdicts = new Verdicts(coordinator, cluster);
  const untilMs = performance.now() + options.secondsMax * 1_000;
  for (let turn = 0; turn < options.verifications && performance.now() < untilMs; turn += 1) {
    await (turn % 2 === 0 ? verdicts.withoutDrift() : verdicts.withDrift(turn));
    if (turn % PROGRESS_EVERY === 0) progress(`${turn} verdicts: ${JSON.stringify(verdicts.counts)}`);
  }
  await trouble.end();
  await writes.stop();
  report("verify.chaos", { ...verdicts.counts, faults: trouble.counts, operations_written: writes.appended });
  const { false_diverged, missed, misplaced } = verdicts.counts;
  if (false_diverged + missed + misplaced > 0) throw new Error("not all verdicts were true");
}

class Verdicts {
  readonly #coordinator: MeasuredCoordinator;
  readonly #cluster: LocalCluster;
  readonly counts = {
    without_drift: 0,
    false_diverged: 0,
    planted: 0,
    missed: 0,
    /** Something else was found than what was planted. */
    misplaced: 0,
    could_not_tell: 0,
  };

  constructor(coordinator: MeasuredCoordinator, cluster: LocalCluster) {
    this.#coordinator = coordinator;
    this.#cluster = cluster;
  }

  async withoutDrift(): Promise<void> {
    const { verdict, reason } = await this.#untilTold();
    this.counts.without_drift += 1;
    if (verdict !== "diverged") return;
    this.counts.false_diverged += 1;
    progress(`false: ${reason}`);
  }

  async withDrift(turn: number): Promise<void> {
    const { regions } = this.#cluster;
    const planted = await plantDrift(regions[turn % regions.length]!, oneRow(turn));
    this.counts.planted += 1;
    const found = await this.#untilTold();
    const keys = found.differences.sample.map(({ key }) => key);
    if (found.verdict === "match") this.counts.missed += 1;
    else if (JSON.stringify(keys) !== JSON.stringify(planted) || found.differences.rest.length > 0) {
      this.counts.misplaced += 1;
      progress(`planted ${planted.join()}: ${found.reason}`);
    }
    await this.#repair(found);
  }

  /** With two regions compared there may be no majority: then the next verification has it. */
  async #repair(found: Verification): Promise<void> {
    let { id, verdict } = found;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (verdict === "match") return;
      const request = { verification: id, isDryRun: false, reason: "planted by a benchmark" };
      // Refused, or of unknown outcome: the next verification tells.
      await this.#coordinator.reconciler.repair(request).catch(() => undefined);
      ({ id, verdict } = await this.#untilTold());
    }
    throw new Error(`not repaired by ${TRIES_MAX} tries`);
  }

  async #untilTold(): Promise<Verification> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const verification = await this.#coordinator.reconciler.verifyToEnd(0).catch(() => undefined);
      const verdict = verification?.verdict;
      if (verification !== undefined && (verdict === "match" || verdict === "diverged")) return verification;
      this.counts.could_not_tell += 1;
      await sleep(CALM_MS / 2);
    }
    throw new Error(`none of ${TRIES_MAX} verifications could tell`);
  }
}

/** Of a record that nobody writes: an edit, a deletion, an insertion in turn. */
function oneRow(turn: number): Drift {
  const none: Drift = { edited: [], deleted: [], inserted: [] };
  const number = WRITTEN_RECORDS + (turn % (RECORDS - WRITTEN_RECORDS));
  const kinds: readonly Drift[] = [
    { ...none, edited: [number] },
    { ...none, deleted: [number] },
    { ...none, inserted: [number + RECORDS] },
  ];
  return kinds[Math.floor(turn / 2) % kinds.length]!;
}

/** One fault after the other, each mended after a while. */
class Trouble {
  readonly #cluster: LocalCluster;
  readonly #over = new AbortController();
  readonly #running: Promise<void>;
  readonly counts: Record<string, number> = {};

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#running;
    await this.#cluster.faults.healAll();
  }

  async #run(): Promise<void> {
    const faults = Object.entries(this.#faults());
    for (let turn = 0; !this.#over.signal.aborted; turn += 1) {
      const [name, begin] = faults[turn % faults.length]!;
      this.counts[name] = (this.counts[name] ?? 0) + 1;
      await begin(turn).catch(() => undefined);
      await this.#pass(TROUBLE_MS);
      await this.#cluster.faults.healAll().catch(() => undefined);
      await this.#pass(CALM_MS);
    }
  }

  async #pass(durationMs: number): Promise<void> {
    await sleep(durationMs, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  #faults(): Record<string, (turn: number) => Promise<unknown>> {
    const { faults, regions } = this.#cluster;
    const names = regions.map(({ name }) => name);
    const two = (turn: number) => [names[turn % names.length]!, names[(turn + 1) % names.length]!] as const;
    const impair = (...[one, other, fault]: Parameters<typeof faults.impair>) =>
      Promise.resolve(faults.impair(one, other, fault));
    return {
      jitter: (turn) => impair(...two(turn), { latencyMs: 20, jitterMs: 150 }),
      "leader steps down": () => faults.stepDown(),
      "link cut": (turn) => impair(...two(turn), { isCut: true }),
      "link cut one way": (turn) => impair(...two(turn), { isCut: true, oneWay: true }),
      "process restarts": (turn) => faults.restart("region", names[turn % names.length]!),
    };
  }
}
