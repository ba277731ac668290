/** One simulated run: a cluster, clients, faults drawn from the seed; then calm, convergence and the last checks. */
import { silentLogger, type Logger } from "../../services/runtime/logger.ts";
import { Checker } from "./checker.ts";
import { DecisionClients } from "./decision-clients.ts";
import { SimulatedCluster, type ClusterOptions } from "./cluster.ts";
import { Restores } from "./restores.ts";
import { StockClients } from "./stock.ts";
import { Trouble } from "./trouble.ts";
import { Verification } from "./verification.ts";
import { Workload } from "./workload.ts";
import { World } from "./world.ts";

const TROUBLE_MS = 7_000;
const START_TROUBLE_MS = 20_000;
const OPERATION_RETENTION_MS = 20_000;
const CONVERGENCE_LIMIT_MS = 120_000;

export interface Report {
  readonly seed: number;
  readonly fingerprint: string;
  readonly partitions: number;
  readonly requests: number;
  readonly acknowledged: number;
  readonly sessionReads: number;
  readonly decided: number;
  readonly sold: number;
  readonly refusedTakes: number;
  readonly linearizableReads: number;
  readonly entries: number;
  readonly commitsChecked: number;
  readonly checkpointsCompared: number;
  readonly faults: number;
  /** Databases that went back, and operations that were lost with them. */
  readonly restores: number;
  readonly lost: number;
  readonly logTrimmed: number;
  readonly walTrimmed: number;
  readonly forgotten: number;
}

export interface SimulationOptions {
  readonly logger?: Logger;
  readonly wrapStore?: ClusterOptions["wrapStore"];
  /** How long the clients go on. */
  readonly troubleMs?: number;
  /** Databases go back to copies of before, or to nothing. */
  readonly hasRestores?: boolean;
}

/** @throws {InvariantError} or whatever the code under test threw; the message begins with the seed. */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Report> {
  try {
    return await run(seed, options);
  } catch (error) {
    throw new Error(
      `seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function run(seed: number, options: SimulationOptions): Promise<Report> {
  const { logger = silentLogger, wrapStore, troubleMs = TROUBLE_MS, hasRestores = false } = options;
  const world = new World(seed);
  const drawn = drawOptions(world, logger);
  // A log that begins behind an old copy is another matter: that takes a bootstrap.
  const trim = hasRestores ? { ...drawn.trim, logRetentionMs: Number.MAX_SAFE_INTEGER } : drawn.trim;
  const cluster = new SimulatedCluster(world, { ...drawn, trim, ...(wrapStore && { wrapStore }) });
  const checker = new Checker(cluster);
  const restores = hasRestores ? new Restores(cluster) : undefined;
  const workload = new Workload(cluster, checker, restores);
  const deciders = new DecisionClients(cluster);
  const stock = new StockClients(cluster, restores);
  const verification = new Verification(cluster, checker);
  cluster.startAll();
  const trouble = new Trouble(cluster, { restores });
  let isReady = false;
  // Most runs are about work under trouble, some about starting under it.
  if (world.random.chance(0.25)) trouble.start();
  // Nobody gets a schema through trouble without end: after a while there is a lull until the clients can begin.
  world.after(START_TROUBLE_MS, () => (trouble.isPaused = !isReady));
  const ready = workload
    .putCollections()
    .then(() => deciders.fund())
    .then(() => {
      isReady = true;
      trouble.isPaused = false;
      workload.start(world.random.integer(2, 8));
      deciders.start(world.random.integer(2, 8));
      stock.start(world.random.integer(1, 5));
      verification.start();
      trouble.start();
      restores?.start();
    });
  // What went wrong already may be why there is none.
  const isBegun = () => isReady || checker.violations.length > 0;
  await world.runUntil(isBegun, { limitMs: CONVERGENCE_LIMIT_MS, what: "the collection" });
  throwFirst(checker.violations);
  await world.run(world.nowMs + troubleMs);
  throwFirst(checker.violations);
  workload.isOver = true;
  deciders.isOver = true;
  stock.isOver = true;
  verification.isOver = true;
  trouble.end();
  const failures = () => [
    ...checker.violations,
    ...workload.failures,
    ...deciders.failures,
    ...stock.failures,
    ...verification.failures,
  ];
  // What went wrong already may be why there is no convergence.
  const isOver = () => failures().length > 0 || (checker.isConverged() && verification.isClean);
  await world.runUntil(isOver, { limitMs: CONVERGENCE_LIMIT_MS, what: "convergence" });
  throwFirst(failures());
  // Clients whose last request is on its way get their answer.
  await world.run(world.nowMs + 15_000);
  await ready;
  await sellOut(world, stock);
  await world.runUntil(() => checker.isConverged(), {
    limitMs: CONVERGENCE_LIMIT_MS,
    what: "convergence after the last requests",
  });
  await world.run(world.nowMs + 3_000);
  throwFirst(failures());
  for (const region of cluster.regions) checker.checkWal(region);
  workload.checkOutcomes();
  deciders.checkOutcomes();
  stock.checkOutcomes();
  checker.checkFinalRows();
  return report({
    seed,
    world,
    cluster,
    checker,
    verification,
    workload,
    deciders,
    stock,
    trouble,
    restores,
  });
}

async function sellOut(world: World, stock: StockClients): Promise<void> {
  let isSoldOut = false;
  const selling = stock.sellOut().then(
    () => (isSoldOut = true),
    (error: unknown) => stock.failures.push(error),
  );
  const isOver = () => isSoldOut || stock.failures.length > 0;
  await world.runUntil(isOver, { limitMs: CONVERGENCE_LIMIT_MS, what: "all stock is sold" });
  await selling;
}

function throwFirst(errors: readonly unknown[]): void {
  if (errors.length > 0) throw errors[0];
}

function report(input: {
  seed: number;
  world: World;
  cluster: SimulatedCluster;
  checker: Checker;
  verification: Verification;
  workload: Workload;
  deciders: DecisionClients;
  stock: StockClients;
  trouble: Trouble;
  restores: Restores | undefined;
}): Report {
  const { seed, world, cluster, checker, verification, workload, deciders, stock, trouble, restores } = input;
  const { partitions } = cluster.options;
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  for (const partition of numbers) world.trace(checker.reference(partition).state.chain);
  return {
    seed,
    fingerprint: world.fingerprint,
    partitions,
    requests: workload.requests.size,
    acknowledged: workload.acknowledged,
    sessionReads: workload.sessionReads,
    decided: deciders.decided,
    sold: stock.sold,
    refusedTakes: stock.refused,
    linearizableReads: deciders.linearizableReads,
    entries: numbers.reduce((sum, partition) => sum + cluster.servers.messages(partition).length, 0),
    commitsChecked: checker.commitsChecked,
    checkpointsCompared: verification.compared,
    faults: trouble.count,
    restores: restores?.count ?? 0,
    lost: restores?.lost.size ?? 0,
    ...checker.trimmed(),
  };
}

/** What a run is tried with, by its seed. */
export function drawOptions(world: World, logger: Logger): ClusterOptions {
  const { random } = world;
  return {
    regions: ["eu", "us", "ap"],
    partitions: random.chance(0.5) ? 1 : 4,
    processesPerRegion: random.integer(1, 2),
    crashes: random.pick([0, 0.002, 0.02]),
    pendingRowsMax: random.pick([20, 10_000]),
    trim: {
      everyMs: random.pick([200, 1_000]),
      logRetentionMs: random.pick([100, 3_000]),
      walRetentionMs: random.pick([100, 2_000]),
      // Longer than any client comes again: what is forgotten takes effect anew.
      operationRetentionMs: OPERATION_RETENTION_MS,
      changesRetentionMs: 3_600_000,
      awayMsMax: Number.MAX_SAFE_INTEGER,
    },
    logger,
    busFaults: {
      lostRequests: random.pick([0, 0.1]),
      lostAnswers: random.pick([0, 0.1]),
      jitterMs: random.pick([1, 40, 300]),
    },
    logFaults: {
      lostAcknowledgements: random.pick([0, 0.01, 0.1]),
      lostPublishes: random.pick([0, 0.01, 0.1]),
      duplicates: random.pick([0, 0.02, 0.2]),
      jitterMs: random.pick([1, 40, 300]),
      lostSubscriptions: random.pick([0, 0.01]),
    },
  };
}
