import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openJetStreamLog } from "../../../services/adapters/jetstream/log.ts";
import { LogUnavailableError, PublishTimeoutError } from "../../../services/ports/global-log.ts";
import { eventually } from "../nats/eventually.ts";
import { openBed, Outcomes, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 120_000;

let bed: JetStreamBed;
beforeAll(async () => {
  bed = await openBed({ streamReplicas: 3 });
  await bed.log("us").ensureStream(0);
}, TIMEOUT_MS);
afterAll(async () => {
  await bed.close();
}, TIMEOUT_MS);

const request = (text: string) => ({
  partition: 0,
  origin: "eu",
  data: Buffer.from(text),
  // Longer than the test may take: an outcome that comes does not come from this.
  timeoutMs: 10 * TIMEOUT_MS,
});

describe("a log whose server is gone", { timeout: TIMEOUT_MS }, () => {
  it("does not open, and says so at its deadline", async () => {
    const options = { url: "nats://127.0.0.1:1", region: "eu", streamReplicas: 3, connectTimeoutMs: 500 };
    await expect(openJetStreamLog(options)).rejects.toBeInstanceOf(LogUnavailableError);
  });

  it("opens once the server has started", async () => {
    const server = bed.cluster.server("ap");
    await server.kill();
    const opening = openJetStreamLog({ url: server.url, region: "ap", streamReplicas: 3 });
    await server.start();
    const log = await opening;
    expect((await eventually("an inspection", () => log.inspect(0))).lastPosition).toBe(0);
    await log.close();
  });

  it("calls a publish that was on its way unknown, refuses others, and sends nothing late", async () => {
    const log = bed.log("eu");
    const server = bed.cluster.server("eu");
    const pid = server.pid!;
    const { lastPosition } = await eventually("an inspection", () => log.inspect(0));
    // A frozen server takes the message and can't answer any more.
    process.kill(pid, "SIGSTOP");
    const underway = log.publish(request("underway"));
    const outcome = expect(underway).rejects.toBeInstanceOf(PublishTimeoutError);
    await server.kill();
    await outcome;
    expect(log.isConnected).toBe(false);
    await expect(log.publish(request("late"))).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(log.inspect(0)).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(log.subscribe({ partition: 0, from: 1 })).rejects.toBeInstanceOf(LogUnavailableError);
    await server.start();
    const outcomes = new Outcomes();
    await eventually("a position", async () => {
      const text = `again ${outcomes.unavailable.length + outcomes.unknown.length}`;
      await outcomes.publish(log, { partition: 0, origin: "eu", text, timeoutMs: 1_000 });
      return outcomes.stored.size > 0 ? true : undefined;
    });
    const from = lastPosition + 1;
    const subscription = await eventually("a subscription", () => log.subscribe({ partition: 0, from }));
    const received = await subscription.receive({ messagesMax: 10, bytesMax: 10_000, timeoutMs: 20_000 });
    expect(received.map(({ data }) => Buffer.from(data).toString())).not.toContain("late");
    await subscription.close();
  });

  it("closes within its deadline while the server is down", async () => {
    const server = bed.cluster.server("us");
    const log = await openJetStreamLog({ url: server.url, region: "us", streamReplicas: 3 });
    const subscription = await log.subscribe({ partition: 0, from: 1 });
    await server.kill();
    await eventually("a lost connection", async () => (log.isConnected ? undefined : true));
    await log.close();
    await expect(log.publish(request("closed"))).rejects.toBeInstanceOf(LogUnavailableError);
    await subscription.close();
    await server.start();
  });
});
