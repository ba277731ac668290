import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { requiredConfig } from "../../../services/adapters/jetstream/stream-config.ts";
import { LogConfigurationError } from "../../../services/adapters/jetstream/stream.ts";
import {
  LogTruncatedError,
  LogUnavailableError,
  OtherLogError,
  SubscriptionLostError,
} from "../../../services/ports/global-log.ts";
import { eventually } from "../nats/eventually.ts";
import { REGIONS } from "../nats/nats-cluster.ts";
import { leaderOf, openBed, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 60_000;
const RECEIVE = { messagesMax: 10, bytesMax: 1_000, timeoutMs: 20_000 };

let bed: JetStreamBed;
beforeAll(async () => {
  bed = await openBed({ streamReplicas: 3 });
}, TIMEOUT_MS);
afterAll(async () => {
  await bed.close();
}, TIMEOUT_MS);

const publish = (partition: number, data: Uint8Array = Buffer.from("a")) =>
  bed.log("eu").publish({ partition, origin: "eu", data, timeoutMs: 5_000 });

describe("a partition's stream", { timeout: TIMEOUT_MS }, () => {
  it("is made once when all regions make it at the same time, again and again", async () => {
    const makers = [...REGIONS, ...REGIONS].map((region) => bed.log(region).ensureStream(0));
    await Promise.all(makers);
    const inspections = await Promise.all(REGIONS.map((region) => bed.log(region).inspect(0)));
    expect(new Set(inspections.map(({ createdAtMs }) => createdAtMs)).size).toBe(1);
    await bed.log("us").ensureStream(0);
  });

  it("is refused when its settings contradict, and what differs is named", async () => {
    await bed.administer("eu", "$JS.API.STREAM.CREATE.FOREBAY_LOG_1", {
      name: "FOREBAY_LOG_1",
      subjects: ["forebay.log.1.*"],
      storage: "memory",
      num_replicas: 1,
      max_age: 60_000_000_000,
    });
    const refusal = await bed
      .log("eu")
      .ensureStream(1)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LogConfigurationError);
    const { message } = refusal as LogConfigurationError;
    expect(message).toContain('storage is "memory" instead of "file"');
    expect(message).toContain('discard is "old" instead of "new"');
    expect(message).toContain("max_age is 60000000000 instead of 0");
    expect(message).toContain("deny_delete is false instead of true");
  });

  it("is kept on more servers once a region asks for more, and on as many when another asks for fewer", async () => {
    const { url } = bed.cluster.server("eu");
    const ensure = async (streamReplicas: number) => {
      const log = await openJetStreamLog({ url, region: "eu", streamReplicas });
      try {
        await log.ensureStream(50);
      } finally {
        await log.close();
      }
    };
    const untilOnThree = () =>
      eventually("all servers keep it", async () => {
        const { replicas } = await bed.log("eu").leadership(50);
        return (replicas.length === 2 && replicas.every(({ isCurrent }) => isCurrent)) || undefined;
      });
    await ensure(1);
    expect((await bed.log("eu").leadership(50)).replicas).toEqual([]);
    await publish(50);
    await ensure(3);
    await untilOnThree();
    await ensure(1);
    await untilOnThree();
    expect(await publish(50)).toEqual({ position: 2 });
  });

  it("that is closed, since making it anew was cut off, takes nothing until that is gone on with", async () => {
    const config = { ...requiredConfig(51, 3), name: "FOREBAY_LOG_51", first_seq: 5 };
    const subjects = ["forebay.rebuild.51"];
    await bed.administer("eu", "$JS.API.STREAM.CREATE.FOREBAY_LOG_51", { ...config, subjects });
    const log = bed.log("us");
    await log.ensureStream(51);
    expect(await log.inspect(51)).toMatchObject({ isClosed: true, firstPosition: 5, lastPosition: 4 });
    await expect(publish(51)).rejects.toBeInstanceOf(LogUnavailableError);
    const request = { partition: 51, createdAtMs: undefined, after: 4, origin: "us" };
    await expect(log.rebuild({ ...request, first: undefined })).rejects.toBeInstanceOf(OtherLogError);
    const refused = { ...request, first: Buffer.from("first"), accepts: () => false };
    await expect(log.rebuild(refused)).rejects.toBeInstanceOf(OtherLogError);
    expect(await log.inspect(51)).toMatchObject({ isClosed: true, firstPosition: 5, lastPosition: 5 });
    await log.rebuild({ ...request, first: undefined });
    expect(await log.inspect(51)).toMatchObject({ isClosed: false, firstPosition: 5, lastPosition: 5 });
    expect(await publish(51)).toEqual({ position: 6 });
  });

  it("that is closed is not brought to more servers: whoever opens it does that", async () => {
    const config = { ...requiredConfig(52, 1), name: "FOREBAY_LOG_52", first_seq: 5 };
    const subjects = ["forebay.rebuild.52"];
    await bed.administer("eu", "$JS.API.STREAM.CREATE.FOREBAY_LOG_52", { ...config, subjects });
    await bed.log("us").ensureStream(52);
    expect((await bed.log("us").leadership(52)).replicas).toEqual([]);
    expect(await bed.log("us").inspect(52)).toMatchObject({ isClosed: true });
  });

  it("that does not exist is unavailable to all calls", async () => {
    await expect(bed.log("eu").inspect(40)).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(publish(40)).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(bed.log("eu").subscribe({ partition: 40, from: 1 })).rejects.toBeInstanceOf(
      LogUnavailableError,
    );
  });

  it("that was deleted and made again has another identity, and its subscription is lost", async () => {
    await bed.log("eu").ensureStream(2);
    await publish(2);
    const before = await bed.log("eu").inspect(2);
    const subscription = await bed.log("eu").subscribe({ partition: 2, from: 1 });
    expect(await subscription.receive(RECEIVE)).toHaveLength(1);
    await bed.administer("eu", "$JS.API.STREAM.DELETE.FOREBAY_LOG_2");
    await bed.log("eu").ensureStream(2);
    await expect(subscription.receive(RECEIVE)).rejects.toBeInstanceOf(SubscriptionLostError);
    const after = await bed.log("eu").inspect(2);
    expect(after.createdAtMs).not.toBe(before.createdAtMs);
    await expect(bed.log("eu").subscribe({ partition: 2, from: 2 })).rejects.toBeInstanceOf(
      LogTruncatedError,
    );
  });

  it("that was trimmed refuses to be read from below its first position", async () => {
    await bed.log("eu").ensureStream(3);
    for (let count = 0; count < 5; count += 1) await publish(3);
    await bed.administer("eu", "$JS.API.STREAM.PURGE.FOREBAY_LOG_3", { seq: 4 });
    expect(await bed.log("eu").inspect(3)).toMatchObject({ firstPosition: 4, lastPosition: 5 });
    await expect(bed.log("eu").subscribe({ partition: 3, from: 3 })).rejects.toBeInstanceOf(
      LogTruncatedError,
    );
    const subscription = await bed.log("eu").subscribe({ partition: 3, from: 4 });
    expect((await subscription.receive(RECEIVE))[0]?.position).toBe(4);
    await subscription.close();
  });

  it("that is full refuses what it certainly has not stored", async () => {
    await bed.log("eu").ensureStream(4);
    const { config } = (await bed.administer("eu", "$JS.API.STREAM.INFO.FOREBAY_LOG_4")) as {
      config: object;
    };
    await bed.administer("eu", "$JS.API.STREAM.UPDATE.FOREBAY_LOG_4", { ...config, max_msgs: 2 });
    await bed.log("eu").ensureStream(4);
    await publish(4);
    await publish(4);
    await expect(publish(4)).rejects.toBeInstanceOf(LogUnavailableError);
    expect((await bed.log("eu").inspect(4)).lastPosition).toBe(2);
  });

  it("refuses a message that is larger than the server takes, and takes the next", async () => {
    await bed.log("eu").ensureStream(5);
    await expect(publish(5, Buffer.alloc(1_100_000))).rejects.toBeInstanceOf(LogUnavailableError);
    expect(await publish(5)).toEqual({ position: 1 });
  });

  it("tells its leader, its term and its replicas; the term rises with the leader's change", async () => {
    await bed.log("eu").ensureStream(6);
    const leader = await leaderOf(bed.log("eu"), 6);
    const before = await bed.log("eu").leadership(6);
    expect(before).toMatchObject({ leader, term: expect.any(Number) as number });
    expect(before.replicas.map(({ region }) => region).toSorted()).toEqual(
      REGIONS.filter((region) => region !== leader).toSorted(),
    );
    await bed.administer("eu", "$JS.API.STREAM.LEADER.STEPDOWN.FOREBAY_LOG_6");
    await eventually("a later term", async () => {
      const after = await bed.log("us").leadership(6);
      return after.leader !== undefined && after.term! > before.term! ? true : undefined;
    });
  });
});
