/** A nats cluster, and buses of the regions' processes on it. */
import { SystemClock } from "../../../services/adapters/system/clock.ts";
import { SystemRandom } from "../../../services/adapters/system/random.ts";
import { NatsBus } from "../../../services/adapters/nats/bus.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { startNatsCluster, type NatsCluster } from "./nats-cluster.ts";

export interface NatsBusBed {
  readonly cluster: NatsCluster;
  /** One more process of a region, with a bus that is not connected yet. */
  startProcess(region: string): { readonly bus: NatsBus; readonly connect: () => Promise<void> };
  close(): Promise<void>;
}

export async function openBusBed(): Promise<NatsBusBed> {
  const cluster = await startNatsCluster();
  const buses: NatsBus[] = [];
  const stop = new AbortController();
  return {
    cluster,
    startProcess(region) {
      const { regionUrl: url } = cluster.server(region);
      const options = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
      const bus = new NatsBus({ ...options, url, region });
      buses.push(bus);
      return { bus, connect: () => bus.connect(stop.signal) };
    },
    async close() {
      stop.abort();
      await Promise.all(buses.map((bus) => bus.close()));
      await cluster.close();
    },
  };
}
