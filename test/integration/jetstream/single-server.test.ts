import { expect, it, onTestFinished } from "vitest";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { LogUnavailableError } from "../../../services/ports/global-log.ts";
import { receiveCount } from "../../contract/global-log.ts";
import { asRegion } from "./bed.ts";
import { startNatsCluster } from "../nats/nats-cluster.ts";

it("keeps a log on a server without a cluster, which leads it", { timeout: 60_000 }, async () => {
  const cluster = await startNatsCluster(["solo"]);
  onTestFinished(() => cluster.close());
  const log = await openJetStreamLog({ ...asRegion(cluster, "solo"), streamReplicas: 1 });
  onTestFinished(() => log.close());
  await log.ensureStream(0);
  await log.publish({ partition: 0, origin: "solo", data: Buffer.from("a"), timeoutMs: 5_000 });
  expect(await log.inspect(0)).toMatchObject({ leader: "solo", lastPosition: 1 });
  expect(await log.leadership(0)).toMatchObject({ leader: "solo", term: undefined, replicas: [] });
  const move = (to: string) => log.moveLeader({ partition: 0, to, timeoutMs: 5_000 });
  expect(await move("solo")).toEqual({ leader: "solo" });
  await expect(move("duo")).rejects.toBeInstanceOf(LogUnavailableError);
  const subscription = await log.subscribe({ partition: 0, from: 1 });
  expect(await receiveCount(subscription, 1)).toHaveLength(1);
  await subscription.close();
});
