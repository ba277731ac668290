/** A consumer that landed on another server than was wanted: another is tried after a while, and what it sends until then is read. */
import { expect, it, onTestFinished } from "vitest";
import { JetStreamApi } from "../../../services/adapters/jetstream/api.ts";
import { createConsumer } from "../../../services/adapters/jetstream/consumer.ts";
import { JetStreamSubscription } from "../../../services/adapters/jetstream/subscription.ts";
import { openConnection } from "../../../services/adapters/nats/connection.ts";
import { inboxPrefixOf } from "../../../services/adapters/nats/inbox.ts";
import type { LogSubscription } from "../../../services/ports/global-log.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { eventually } from "../nats/eventually.ts";
import { asRegion, openBed } from "./bed.ts";

const RECEIVE = { messagesMax: 10, bytesMax: 100_000, timeoutMs: 20_000 };
const LOG = { partition: 0, region: "eu", logger: silentLogger };

it(
  "is read from for a while and then given up, and one in its place is not",
  { timeout: 120_000 },
  async () => {
    const bed = await openBed({ streamReplicas: 3 });
    onTestFinished(() => bed.close());
    await bed.log("eu").ensureStream(0);
    const publish = (text: string) =>
      bed.log("eu").publish({ partition: 0, origin: "eu", data: Buffer.from(text), timeoutMs: 5_000 });
    const connection = await openConnection({
      ...asRegion(bed.cluster, "eu"),
      name: "misplaced",
      inboxPrefix: inboxPrefixOf("eu"),
      timeoutMs: 10_000,
      logger: silentLogger,
    });
    onTestFinished(() => connection.close(5_000));
    const parts = { ...LOG, connection, api: await JetStreamApi.open(connection), from: 1 };
    /** @returns one that has read the entry which is there. */
    const subscribe = async ({ isElsewhere }: { isElsewhere: boolean }) => {
      const { name } = await createConsumer({ ...parts, isElsewhere });
      const subscription = new JetStreamSubscription({
        ...parts,
        consumer: { name, isMisplaced: isElsewhere },
        misplacedTicksMax: 2,
        head: async () => (await bed.log("eu").inspect(0)).lastPosition,
        ended: () => undefined,
      });
      expect(await positionsFrom(subscription)).toEqual([1]);
      return subscription;
    };

    await publish("a");
    // A consumer that was just made on another server may not be known to the own one yet, which ends its subscription.
    const misplaced = await eventually("one on another server", () => subscribe({ isElsewhere: true }));
    const placed = await subscribe({ isElsewhere: false });
    await expect(misplaced.receive(RECEIVE)).rejects.toThrow("another server than was wanted");
    await misplaced.close();
    await publish("b");
    expect(await positionsFrom(placed)).toEqual([2]);
    await placed.close();
  },
);

async function positionsFrom(subscription: LogSubscription): Promise<number[]> {
  return (await subscription.receive(RECEIVE)).map(({ position }) => position);
}
