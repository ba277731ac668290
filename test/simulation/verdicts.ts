/**
 * Verdicts under trouble: a cluster with clients is verified again and again, while processes die, databases fall back,
 * regions are cut off and messages are lost. Without drift nobody may say `diverged`; with one planted drift nobody may say
 * `match`, what was planted is what is found, and a repair takes it away, and nothing else.
 */
import { recordIdText } from "../../services/core/operation.ts";
import type { Verification } from "../../services/ports/reconciliation.ts";
import { Checkpoints } from "../../services/reconciler/checkpoints.ts";
import { Reconciler } from "../../services/reconciler/reconciler.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import { Checker } from "./checker.ts";
import {
  SimulatedCluster,
  type ClusterOptions,
  type SimulatedRegion,
  type StartedProcess,
} from "./cluster.ts";
import { DecisionClients } from "./decision-clients.ts";
import { DRIFT_KINDS, foldOddly, plantDrift, type DriftKind, type PlantedDrift } from "./drift.ts";
import { writeQuietRecords } from "./quiet.ts";
import { drawOptions } from "./scenario.ts";
import { StockClients } from "./stock.ts";
import { Trouble } from "./trouble.ts";
import { Workload } from "./workload.ts";
import { Process, World } from "./world.ts";

const LEAVES = 64;
const READY_LIMIT_MS = 120_000;
const OVER_LIMIT_MS = 3_600_000;
const LOOK_EVERY_MS = 50;
const BETWEEN_MS = [100, 1_500] as const;
/** Verifications take a second or two: most are to meet some fault, and some none. */
const FAULTS_EVERY_MS = [500, 6_000] as const;
/** Of one drift: until one can tell, and until all is as before. */
const TRIES_MAX = 60;
/** A verification asks dozens of questions, over seconds: with more of these hardly one comes to its end. */
const CRASHES_MAX = 0.000_3;
const LOST_MESSAGES_MAX = 0.02;
const OPERATION_RETENTION_MS = 3_600_000;

export interface VerdictsReport {
  readonly seed: number;
  readonly fingerprint: string;
  /** Without drift: what was said. */
  readonly withoutDrift: { readonly match: number; readonly diverged: number; readonly other: number };
  readonly planted: number;
  /** Kinds of drift of which somebody said `match`. */
  readonly missed: readonly string[];
  /** Kinds of which something else was found than what was planted, with what. */
  readonly misplaced: readonly string[];
  /** Verifications that could not tell, while drift was planted. */
  readonly undecided: number;
  readonly repaired: number;
  readonly faults: number;
}

export interface VerdictsOptions {
  /** How many without drift that could tell; others are counted apart. */
  readonly verifications: number;
  /** One after the other. */
  readonly kinds: readonly DriftKind[];
  readonly wrapStore?: ClusterOptions["wrapStore"];
  /** Whether all rows are to be what the log says, in the end. Default true. */
  readonly areRowsChecked?: boolean;
}

/** @throws {InvariantError} or whatever the code under test threw; the message begins with the seed. */
export async function simulateVerdicts(seed: number, options: VerdictsOptions): Promise<VerdictsReport> {
  try {
    return await new Verdicts(seed, options).run();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${seed}: ${text}`, { cause: error });
  }
}

class Verdicts {
  readonly #seed: number;
  readonly #options: VerdictsOptions;
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #checker: Checker;
  readonly #trouble: Trouble;
  readonly #driver: Process;
  /** Of the processes that live. */
  #coordinators: readonly { readonly process: Process; readonly reconciler: Reconciler }[] = [];
  readonly #said = { match: 0, diverged: 0, other: 0 };
  readonly #missed: string[] = [];
  readonly #misplaced: string[] = [];
  readonly #plantedNames = new Set<string>();
  #planted = 0;
  #undecided = 0;
  #repaired = 0;

  constructor(seed: number, options: VerdictsOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#world = new World(seed);
    const drawn = drawOptions(this.#world, silentLogger);
    const trim = { ...drawn.trim, operationRetentionMs: OPERATION_RETENTION_MS };
    const wrapStore: NonNullable<ClusterOptions["wrapStore"]> = (store, region, slot) => {
      const odd = foldOddly(store, region);
      return options.wrapStore?.(odd, region, slot) ?? odd;
    };
    this.#cluster = new SimulatedCluster(this.#world, {
      ...drawn,
      trim,
      wrapStore,
      partitions: 1,
      crashes: Math.min(drawn.crashes, CRASHES_MAX),
      busFaults: {
        ...drawn.busFaults,
        lostRequests: Math.min(drawn.busFaults.lostRequests, LOST_MESSAGES_MAX),
        lostAnswers: Math.min(drawn.busFaults.lostAnswers, LOST_MESSAGES_MAX),
      },
    });
    this.#checker = new Checker(this.#cluster);
    this.#trouble = new Trouble(this.#cluster, { restMs: FAULTS_EVERY_MS });
    this.#driver = new Process(this.#world, "driver");
    this.#cluster.observerOf = (started) => this.#coordinate(started);
  }

  #coordinate({ process, ports }: StartedProcess): Checkpoints {
    const ignore = () => undefined;
    const metrics = {
      verified: ignore,
      recalled: ignore,
      repaired: ignore,
      checkpoint: ignore,
      digested: ignore,
    };
    const options = { ...ports, metrics, partitions: 1 };
    const checkpoints = new Checkpoints({ ...options, leaves: LEAVES });
    checkpoints.servePlace();
    const reconciler = new Reconciler({ ...options, checkpoints });
    this.#coordinators = [
      ...this.#coordinators.filter((one) => one.process.isAlive),
      { process, reconciler },
    ];
    return checkpoints;
  }

  async run(): Promise<VerdictsReport> {
    const clients = await this.#startClients();
    await this.#untilDone(this.#verifyWithoutDrift(), "verifications without drift");
    this.#throwViolations();
    await this.#untilDone(this.#plantAll(), "verifications with drift");
    for (const client of clients) client.isOver = true;
    this.#trouble.end();
    await this.#checkTheRest();
    const { faults, withoutDrift } = { faults: this.#trouble.count, withoutDrift: { ...this.#said } };
    return {
      seed: this.#seed,
      fingerprint: this.#world.fingerprint,
      withoutDrift,
      planted: this.#planted,
      missed: this.#missed,
      misplaced: this.#misplaced,
      undecided: this.#undecided,
      repaired: this.#repaired,
      faults,
    };
  }

  async #startClients(): Promise<{ isOver: boolean }[]> {
    const workload = new Workload(this.#cluster, this.#checker);
    const deciders = new DecisionClients(this.#cluster);
    const stock = new StockClients(this.#cluster);
    this.#cluster.startAll();
    const ready = workload
      .putCollections()
      .then(() => deciders.fund())
      .then(() => writeQuietRecords(this.#cluster, this.#driver));
    await this.#untilDone(ready, "the records", READY_LIMIT_MS);
    workload.start(1);
    deciders.start(1);
    stock.start(1);
    this.#trouble.start();
    return [workload, deciders, stock];
  }

  async #untilDone(work: Promise<unknown>, what: string, limitMs = OVER_LIMIT_MS): Promise<void> {
    let isSettled = false;
    const settle = () => (isSettled = true);
    work.then(settle, settle);
    await this.#world.runUntil(() => isSettled, { limitMs, what });
    await work;
  }

  #throwViolations(): void {
    if (this.#checker.violations.length > 0) throw this.#checker.violations[0];
  }

  async #verifyWithoutDrift(): Promise<void> {
    const told = () => this.#said.match + this.#said.diverged;
    while (told() < this.#options.verifications) {
      const verdict = (await this.#verify())?.verdict;
      if (verdict !== undefined)
        this.#said[verdict === "match" || verdict === "diverged" ? verdict : "other"] += 1;
    }
  }

  /** By any process that lives. Undefined where it died meanwhile, or refused. */
  async #verify(use?: (reconciler: Reconciler, verification: Verification) => Promise<unknown>) {
    const { random } = this.#world;
    await this.#driver.pass(random.integer(...BETWEEN_MS));
    const alive = this.#coordinators.filter(({ process }) => process.isAlive);
    if (alive.length === 0) return undefined;
    const { reconciler, process } = random.pick(alive);
    let refusal: unknown = "its process has died";
    const verifying = reconciler.verifyToEnd(0, random.chance(0.2)).then(async (verification) => {
      await use?.(reconciler, verification);
      return verification;
    });
    const ended = verifying.catch((error: unknown) => void (refusal = error));
    const verification = await this.#whileAlive(process, ended);
    this.#world.trace(`verdict ${verification?.verdict} ${verification?.reason ?? String(refusal)}`);
    return verification ?? undefined;
  }

  /** A process that has died never says so. */
  async #whileAlive<T>(process: Process, work: Promise<T>): Promise<T | undefined> {
    const ended = work.then((value) => ({ value }));
    for (;;) {
      const outcome = await Promise.race([ended, this.#driver.pass(LOOK_EVERY_MS)]);
      if (outcome !== undefined) return outcome.value;
      if (!process.isAlive) return undefined;
    }
  }

  async #plantAll(): Promise<void> {
    for (const kind of this.#options.kinds) {
      const region = this.#world.random.pick(this.#cluster.regions);
      const drift = await this.#plant(kind, region);
      this.#world.trace(`planted ${kind} in ${region.name}`);
      const verification = await this.#untilTold();
      if (verification.verdict === "match") this.#missed.push(kind);
      else if (!isExactly(verification, drift))
        this.#misplaced.push(`${kind}: ${verification.reason ?? "no reason"}`);
      if (drift.isLasting === true) return;
      drift.undo?.();
      await this.#repairAll(kind);
    }
  }

  async #plant(kind: DriftKind, region: SimulatedRegion): Promise<PlantedDrift> {
    this.#planted += 1;
    const place = { cluster: this.#cluster, region, process: this.#driver, number: this.#planted };
    const drift = await plantDrift(kind, place);
    for (const id of drift.records) this.#plantedNames.add(recordIdText(id));
    return drift;
  }

  /** Tries until one could tell. */
  async #untilTold(): Promise<Verification> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const verification = await this.#verify();
      if (verification?.verdict === "match" || verification?.verdict === "diverged") return verification;
      if (verification !== undefined) this.#undecided += 1;
    }
    throw new Error(`none of ${TRIES_MAX} verifications could tell`);
  }

  /** Until all match: with a majority of two regions that were compared, there may be none. */
  async #repairAll(kind: DriftKind): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const verification = await this.#verify(async (reconciler, { id, verdict }) => {
        if (verdict !== "diverged") return;
        const report = await reconciler.repair({ verification: id, isDryRun: false, reason: "planted" });
        this.#repaired += report.records;
      });
      if (verification?.verdict === "match") return;
    }
    throw new Error(`${kind} not repaired by ${TRIES_MAX} tries`);
  }

  /** What was repaired is what was planted, and in the end all rows are those that the log says. */
  async #checkTheRest(): Promise<void> {
    for (const { name, database } of this.#cluster.regions) {
      const repairs = database.listRepairs({ limit: 1_000 } as never);
      const strange = repairs.filter((repair) => !this.#plantedNames.has(recordIdText(repair)));
      if (strange.length > 0)
        throw new Error(`${name} has repaired ${recordIdText(strange[0]!)}: not planted`);
    }
    const { kinds, areRowsChecked = true } = this.#options;
    if (!areRowsChecked || kinds.includes("origin edited")) return;
    await this.#world.runUntil(() => this.#checker.isConverged(), {
      limitMs: READY_LIMIT_MS,
      what: "the end",
    });
    await this.#world.run(this.#world.nowMs + 15_000);
    await this.#world.runUntil(() => this.#checker.isConverged(), {
      limitMs: READY_LIMIT_MS,
      what: "the end",
    });
    await this.#world.run(this.#world.nowMs + 3_000);
    this.#checker.checkFinalRows();
  }
}

function isExactly({ differences }: Verification, { records, rest, isLasting }: PlantedDrift): boolean {
  if (isLasting === true) return rest.every((name) => differences.rest.includes(name));
  const named = (ids: readonly Parameters<typeof recordIdText>[0][]) =>
    JSON.stringify(ids.map(recordIdText).toSorted());
  return (
    named(differences.sample) === named(records) && JSON.stringify(differences.rest) === JSON.stringify(rest)
  );
}

/** Every kind of drift, as often as it takes; each run has the lasting one last. */
export function kindsOfRun(count: number, first = 0): DriftKind[] {
  const repairable = DRIFT_KINDS.slice(0, -1);
  const kinds = Array.from(
    { length: count - 1 },
    (_, index) => repairable[(first + index) % repairable.length]!,
  );
  return [...kinds, DRIFT_KINDS.at(-1)!];
}
