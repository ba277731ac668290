/** A coordinator beside the region processes: asks all of them over the bus, as a process of its region that folds nothing does. */
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { NatsBus } from "../../../services/adapters/nats/bus.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../../services/adapters/system/random.ts";
import type { Bus } from "../../../services/ports/bus.ts";
import { Checkpoints } from "../../../services/reconciler/checkpoints.ts";
import { Reconciler } from "../../../services/reconciler/reconciler.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { LogBreaker } from "../../../services/runtime/log-breaker.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { silentMetrics } from "../../simulation/metrics.ts";
import type { Bed } from "./bed.ts";

const ignore = () => undefined;
const IGNORE = { verified: ignore, recalled: ignore, repaired: ignore, checkpoint: ignore, digested: ignore };

export interface Coordinator {
  readonly reconciler: Reconciler;
  close(): Promise<void>;
}

/** @param wrapBus puts something between the coordinator and the bus. */
export async function startCoordinator(
  bed: Pick<Bed, "cluster" | "partitions">,
  region: string,
  wrapBus: (bus: Bus) => Bus = (bus) => bus,
): Promise<Coordinator> {
  const { nats, postgres } = bed.cluster.region(region);
  const clock = new SystemClock();
  const random = new SystemRandom();
  const logger = silentLogger;
  const log = await openJetStreamLog({ url: nats.url, region, streamReplicas: 3 });
  const bus = new NatsBus({ url: nats.url, region, clock, random, logger, name: "coordinator" });
  await bus.connect(new AbortController().signal);
  const store = openPostgresStore({ url: postgres.url, region });
  const parts = { region, log, bus: wrapBus(bus), store, clock, random, logger, partitions: bed.partitions };
  const checkpoints = new Checkpoints({ ...parts, metrics: IGNORE });
  const folded = new FoldFeed();
  const breakers = Array.from(
    { length: bed.partitions },
    (_, partition) => new LogBreaker({ ...parts, partition, folded, metrics: silentMetrics }),
  );
  const reconciler = new Reconciler({ ...parts, breakers, checkpoints, metrics: IGNORE });
  const close = async () => {
    checkpoints.close();
    await Promise.all([bus.close(), log.close(), store.close()]);
  };
  return { reconciler, close };
}
