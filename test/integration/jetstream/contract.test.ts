import { connect } from "@nats-io/transport-node";
import { connectOptions } from "../../../services/adapters/nats/address.ts";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { globalLogContract } from "../../contract/global-log.ts";
import { REGIONS, startNatsCluster } from "../nats/nats-cluster.ts";
import { asRegion } from "./bed.ts";

globalLogContract("JetStream on three servers", async () => {
  const cluster = await startNatsCluster();
  const logs = new Map(
    await Promise.all(
      REGIONS.map(async (region) => {
        const options = { ...asRegion(cluster, region), streamReplicas: 3 };
        return [region as string, await openJetStreamLog(options)] as const;
      }),
    ),
  );
  let partitions = 0;
  return {
    regions: REGIONS,
    log: (region) => logs.get(region)!,
    async newPartition() {
      const partition = partitions++;
      await Promise.all([...logs.values()].map((log) => log.ensureStream(partition)));
      return partition;
    },
    async remove(partition) {
      const administrator = await connect(connectOptions(cluster.server("eu")));
      await administrator.request(`$JS.API.STREAM.DELETE.FOREBAY_LOG_${partition}`);
      await administrator.close();
    },
    pause: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
    async close() {
      await Promise.all([...logs.values()].map((log) => log.close()));
      await cluster.close();
    },
  };
});
