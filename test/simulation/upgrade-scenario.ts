/** A simulated run in which regions run different releases: they are upgraded under load and trouble, and some go back. */
import { silentLogger, type Logger } from "../../services/runtime/logger.ts";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import { Checker } from "./checker.ts";
import { SimulatedCluster, type ClusterOptions } from "./cluster.ts";
import { NewerRequests } from "./newer-requests.ts";
import { drawOptions } from "./scenario.ts";
import { Trouble } from "./trouble.ts";
import { planUpgrades, Upgrades, type UpgradePlan } from "./upgrades.ts";
import { VersionChecks } from "./version-checks.ts";
import { Workload } from "./workload.ts";
import { World } from "./world.ts";

const LIMIT_MS = 180_000;

export interface UpgradeOptions {
  readonly logger?: Logger;
  readonly wrapStore?: ClusterOptions["wrapStore"];
  /** In place of what is drawn. */
  readonly plan?: Partial<UpgradePlan> | undefined;
}

export interface UpgradeReport {
  readonly seed: number;
  readonly fingerprint: string;
  /** What the older release reads. */
  readonly oldReads: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly entries: number;
  readonly upgraded: number;
  readonly returned: number;
  /** Processes of the older release that did not start, since newer software had folded what they can't read. */
  readonly refusedStarts: number;
  readonly stranding: number;
  readonly held: number;
  /** Schemas that need the newest version. */
  readonly schemasRefused: number;
  readonly schemasTaken: number;
  /** Operations with a trace, in the log. */
  readonly tracesLeftOut: number;
  readonly tracesTold: number;
}

/** @throws {InvariantError} or whatever the code under test threw; the message begins with the seed. */
export async function simulateUpgrade(seed: number, options: UpgradeOptions = {}): Promise<UpgradeReport> {
  try {
    return await new UpgradeRun(seed, options).run();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${seed}: ${text}`, { cause: error });
  }
}

class UpgradeRun {
  readonly #seed: number;
  readonly #world: World;
  readonly #oldReads: number;
  readonly #cluster: SimulatedCluster;
  readonly #checks: VersionChecks;
  readonly #checker: Checker;
  readonly #workload: Workload;
  readonly #newer: NewerRequests;
  readonly #upgrades: Upgrades;
  readonly #trouble: Trouble;
  readonly #failures: unknown[] = [];

  constructor(seed: number, { logger = silentLogger, wrapStore, plan: planned }: UpgradeOptions) {
    this.#seed = seed;
    const world = new World(seed);
    this.#world = world;
    const drawn = drawOptions(world, logger);
    const plan = { ...planUpgrades(world, drawn.regions), ...planned };
    this.#oldReads = plan.oldReads;
    this.#cluster = new SimulatedCluster(world, {
      ...drawn,
      partitions: drawn.partitions > 1 ? 2 : 1,
      readsOf: (region) => (plan.oldRegions.includes(region) ? plan.oldReads : ENTRY_VERSION),
      wrapStore: (store, region, slot) =>
        this.#checks.watch(wrapStore?.(store, region, slot) ?? store, region, slot),
    });
    this.#checks = new VersionChecks(this.#cluster);
    this.#checker = new Checker(this.#cluster);
    this.#workload = new Workload(this.#cluster, this.#checker);
    this.#newer = new NewerRequests(this.#cluster, this.#checks);
    this.#upgrades = new Upgrades(this.#cluster, plan, (region) => this.#checks.rolledBack.add(region));
    this.#trouble = new Trouble(this.#cluster, { restMs: [500, 4_000] });
  }

  async run(): Promise<UpgradeReport> {
    const world = this.#world;
    this.#cluster.startAll();
    await this.#until("the collections", this.#workload.putCollections());
    this.#workload.start(world.random.integer(1, 3));
    this.#newer.start();
    this.#trouble.start();
    await this.#until("all are upgraded", this.#upgrades.run());
    const upgradedAtMs = world.nowMs;
    this.#trouble.end();
    const isNewest = () => (this.#checks.lastAtMs.get(ENTRY_VERSION) ?? 0) > upgradedAtMs;
    await this.#runUntil("an entry of the newest version, after all are upgraded", isNewest);
    this.#workload.isOver = true;
    this.#newer.isOver = true;
    await this.#runUntil("convergence", () => this.#checker.isConverged());
    // Clients whose last request is on its way get their answer.
    await world.run(world.nowMs + 10_000);
    await this.#runUntil("last requests", () => this.#checker.isConverged());
    await world.run(world.nowMs + 3_000);
    this.#throwFirst();
    for (const region of this.#cluster.regions) this.#checker.checkWal(region);
    this.#workload.checkOutcomes();
    this.#checker.checkFinalRows();
    return this.#report();
  }

  async #until(what: string, work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.then(
      () => (isDone = true),
      (error: unknown) => this.#failures.push(error),
    );
    await this.#runUntil(what, () => isDone);
    await done;
  }

  async #runUntil(what: string, isDone: () => boolean): Promise<void> {
    // What went wrong already may be why it never comes.
    const isOver = () => this.#wrong().length > 0 || isDone();
    await this.#world.runUntil(isOver, { limitMs: LIMIT_MS, what });
    this.#throwFirst();
  }

  #wrong(): unknown[] {
    const { violations } = this.#checks;
    const failures = [...this.#failures, ...this.#workload.failures, ...this.#newer.failures];
    return [...violations, ...this.#checker.violations, ...failures];
  }

  #throwFirst(): void {
    const wrong = this.#wrong();
    if (wrong.length > 0) throw wrong[0];
  }

  #report(): UpgradeReport {
    const world = this.#world;
    const { servers, options, refusedStarts } = this.#cluster;
    const partitions = Array.from({ length: options.partitions }, (_, partition) => partition);
    for (const partition of partitions) world.trace(this.#checker.reference(partition).state.chain);
    return {
      seed: this.#seed,
      fingerprint: world.fingerprint,
      oldReads: this.#oldReads,
      acknowledged: this.#workload.acknowledged,
      faults: this.#trouble.count,
      entries: partitions.reduce((sum, partition) => sum + servers.messages(partition).length, 0),
      upgraded: this.#upgrades.upgraded,
      returned: this.#upgrades.returned,
      refusedStarts,
      stranding: this.#checks.stranding,
      held: this.#checks.held,
      schemasRefused: this.#newer.refused,
      schemasTaken: this.#newer.taken,
      tracesLeftOut: this.#checks.operations.without,
      tracesTold: this.#checks.operations.withTrace,
    };
  }
}
