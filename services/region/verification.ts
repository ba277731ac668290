/** The reconciler as a region process has it: checkpoints of what it folds, a coordinator, verifications by schedule. */
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { Checkpoints, type CheckpointsOptions } from "../reconciler/checkpoints.ts";
import { Reconciler, type ReconcilerOptions } from "../reconciler/reconciler.ts";
import type { ReconcilerMetrics } from "../reconciler/metrics.ts";
import { ScheduledVerification } from "../reconciler/scheduled.ts";
import type { Auditing } from "../runtime/auditor.ts";
import { backoffMs } from "../runtime/backoff.ts";
import type { RegionConfig } from "../runtime/config.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";
import { repeatChore } from "./chore.ts";
import type { PartitionRolesOptions } from "./partition-roles.ts";

const RECALL_RETRY = { baseMs: 500, maxMs: 30_000 };

export interface RegionVerificationOptions {
  readonly config: Pick<RegionConfig, "region" | "topology" | "verification" | "roles">;
  readonly store: CheckpointsOptions["store"] & ReconcilerOptions["store"];
  readonly bus: Bus;
  readonly log: ReconcilerOptions["log"];
  readonly breakers: ReconcilerOptions["breakers"];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: { readonly reconciler: ReconcilerMetrics };
  readonly auditor: Auditing;
}

export interface RegionVerification extends NonNullable<PartitionRolesOptions["verification"]> {
  readonly reconciler: Reconciler;
}

/** Serves other regions until `stop` is aborted. */
export function startVerification(options: RegionVerificationOptions, stop: AbortSignal): RegionVerification {
  const { region, topology, verification: settings, roles } = options.config;
  const parts = { ...options, region, metrics: options.metrics.reconciler };
  const checkpoints = new Checkpoints(parts);
  const reconciler = new Reconciler({ ...parts, checkpoints, partitions: topology.partitions });
  const endServing = roles.includes("applier") ? checkpoints.servePlace() : () => undefined;
  stop.addEventListener("abort", () => {
    endServing();
    checkpoints.close();
  });
  const scheduled = new ScheduledVerification({ ...options, ...settings, reconciler });
  const schedule = async (partition: number, over: AbortSignal): Promise<void> => {
    await recall({ ...options, reconciler, partition }, over);
    if (settings.everyMs === 0) return;
    // Each region takes its share of the cluster's period.
    const everyMs = settings.everyMs * topology.regions.length;
    const chore = { name: "verify that all regions hold the same", everyMs };
    await repeatChore({ ...options, ...chore, work: () => scheduled.verify(partition, over) }, over);
  };
  return { barriers: checkpoints, reconciler, schedule };
}

/** Never rejects. */
async function recall(
  {
    reconciler,
    partition,
    clock,
    random,
    logger,
  }: Pick<RegionVerificationOptions, "clock" | "random" | "logger"> & {
    readonly reconciler: Pick<Reconciler, "recall">;
    readonly partition: number;
  },
  over: AbortSignal,
): Promise<void> {
  for (let attempt = 1; !over.aborted; attempt += 1) {
    try {
      return await reconciler.recall(partition);
    } catch (error) {
      logger.debug({ partition, attempt, error: describeError(error) }, "the last verdict is not known yet");
      await clock.sleep(backoffMs({ attempt, ...RECALL_RETRY, random }), over);
    }
  }
}
