import { connect } from "@nats-io/transport-node";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { globalLogContract } from "../../contract/global-log.ts";
import { REGIONS, startNatsCluster } from "../nats/nats-cluster.ts";

globalLogContract("JetStream on three servers", async () => {
  const cluster = await startNatsCluster();
  const logs = new Map(
    await Promise.all(
      REGIONS.map(async (region) => {
        const { url } = cluster.server(region);
        return [region as string, await openJetStreamLog({ url, region, streamReplicas: 3 })] as const;
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
      const administrator = await connect({ servers: cluster.server("eu").url });
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
