/** The relay and the applier of one partition, held for as long as the process lives; who relays also looks who leads. */
import { Applier } from "../applier/applier.ts";
import type { BarrierObserver } from "../applier/barrier-stop.ts";
import type { Bootstrapper } from "../applier/bootstrapper.ts";
import type { ApplierMetrics } from "../applier/metrics.ts";
import type { ApplierOptions } from "../applier/options.ts";
import type { PlacementMetrics } from "../placement/metrics.ts";
import { own } from "../core/json.ts";
import { Placement, type PlacementOptions } from "../placement/placement.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CrashPoints } from "../ports/crash-points.ts";
import type { GlobalLog } from "../ports/global-log.ts";
import type { RegionStore } from "../ports/region-store.ts";
import type { RelayMetrics } from "../relay/metrics.ts";
import { Relay } from "../relay/relay.ts";
import type { ProcessRole } from "../runtime/config.ts";
import { holdRole, type HoldRoleOptions } from "../runtime/hold-role.ts";
import type { LogBreaker } from "../runtime/log-breaker.ts";
import type { Logger } from "../runtime/logger.ts";
import type { FoldFeed } from "../runtime/fold-feed.ts";
import type { TraceObserver } from "../runtime/traces.ts";
import type { AppendSignal } from "../runtime/append-signal.ts";

const MEMBERSHIP_POLL_MS = 100;

export interface PartitionRolesOptions {
  readonly region: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly software: string;
  /** Tells this process from others of the same region. */
  readonly holder: string;
  readonly roles: readonly ProcessRole[];
  readonly store: RegionStore;
  readonly log: GlobalLog;
  readonly breaker: LogBreaker;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  readonly crashPoints: CrashPoints;
  readonly logger: Logger;
  readonly appended: AppendSignal;
  readonly folded: FoldFeed;
  readonly relayMetrics: RelayMetrics;
  readonly applierMetrics: ApplierMetrics;
  readonly placement: Pick<
    PlacementOptions,
    "lookEveryMs" | "isAutomatic" | "settings" | "expectedMs" | "routes"
  >;
  readonly placementMetrics: PlacementMetrics;
  /** Loads the partition's state where it can't be folded. */
  readonly bootstrapperOf?: (partition: number) => Bootstrapper;
  readonly news?: NonNullable<HoldRoleOptions["news"]>;
  /** Hears when this process takes a role, and gives it back. */
  readonly onHeld?: (role: "relay" | "applier", partition: number, isHeld: boolean) => void;
  /** Asks other regions how far they have folded which log. */
  readonly witnesses?: NonNullable<ApplierOptions["witnesses"]>;
  /** Told of operations that have a trace. */
  readonly traces?: TraceObserver | undefined;
  /** Looks at barriers while the partition is folded here, and verifies it now and then. */
  readonly verification?: {
    readonly barriers: BarrierObserver;
    schedule(partition: number, stop: AbortSignal): Promise<void>;
  };
}

/** Resolves once `stop` is aborted and both roles are given back. */
export async function holdPartitionRoles(options: PartitionRolesOptions, stop: AbortSignal): Promise<void> {
  const { roles } = options;
  const held: Promise<void>[] = [];
  if (roles.includes("applier")) held.push(holdApplier(options, stop));
  if (roles.includes("relay")) held.push(holdRelay(options, stop));
  await Promise.all(held);
}

function holdApplier(options: PartitionRolesOptions, stop: AbortSignal): Promise<void> {
  const { verification, partition, bootstrapperOf } = options;
  const barriers = verification === undefined ? {} : { barriers: verification.barriers };
  const bootstrapper = bootstrapperOf?.(partition);
  const applier = new Applier({ ...options, ...barriers, bootstrapper, metrics: options.applierMetrics });
  // One process of the region verifies the partition: the one that folds it, for as long as it does.
  const alongside = async (stopped: AbortSignal) => verification?.schedule(partition, stopped);
  return holdRole(
    {
      ...options,
      role: "applier",
      onWaiting: (refusal) => options.applierMetrics.stopped(refusal),
      work: (_grant, over) =>
        whileHeld(options, "applier", () => runAlongside(alongside, over, (stopped) => applier.run(stopped))),
    },
    stop,
  );
}

function holdRelay(options: PartitionRolesOptions, stop: AbortSignal): Promise<void> {
  const relay = new Relay({ ...options, metrics: options.relayMetrics });
  // One for all grants: it has to remember how often it has moved leadership, however often the relay starts anew.
  const placement = new Placement({ ...options, ...options.placement, metrics: options.placementMetrics });
  return holdRole(
    {
      ...options,
      role: "relay",
      work: async (grant, over) => {
        await waitForMembership(options, over);
        const alongside = (stopped: AbortSignal) => placement.run(stopped);
        if (over.aborted) return;
        await whileHeld(options, "relay", () =>
          runAlongside(alongside, over, (stopped) => relay.run(grant, stopped)),
        );
      },
    },
    stop,
  );
}

async function whileHeld(
  { onHeld, partition }: PartitionRolesOptions,
  role: "relay" | "applier",
  work: () => Promise<void>,
): Promise<void> {
  onHeld?.(role, partition, true);
  try {
    await work();
  } finally {
    onHeld?.(role, partition, false);
  }
}

/** What one process of the region does, the one with the role, for as long as it has it. @param alongside never rejects. */
async function runAlongside(
  alongside: (stop: AbortSignal) => Promise<void>,
  stop: AbortSignal,
  run: (stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  // Never waited for: a look that is under way must not keep the role from being given back.
  void alongside(AbortSignal.any([stop, over.signal]));
  try {
    await run(stop);
  } finally {
    over.abort();
  }
}

/** Before, the fold does not know the region: it has no say in who leads, and nothing to relay. */
async function waitForMembership(options: PartitionRolesOptions, stop: AbortSignal): Promise<void> {
  const { store, partition, folded, clock, region } = options;
  while (!stop.aborted) {
    if (own((await store.readPositions(partition)).origins, region) !== undefined) return;
    await folded.wait({ clock, timeoutMs: MEMBERSHIP_POLL_MS, stop });
  }
}
