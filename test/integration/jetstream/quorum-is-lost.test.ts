import { afterAll, beforeAll, expect, it } from "vitest";
import { LogUnavailableError, PublishTimeoutError } from "../../../services/ports/global-log.ts";
import { eventually } from "../nats/eventually.ts";
import { openBed, type JetStreamBed } from "./bed.ts";

const TIMEOUT_MS = 120_000;

let bed: JetStreamBed;
beforeAll(async () => {
  bed = await openBed({ streamReplicas: 3 });
}, TIMEOUT_MS);
afterAll(async () => {
  await bed.close();
}, TIMEOUT_MS);

it(
  "answers every call with an error while two of three servers are down, and works again after",
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const log = bed.log("eu");
    await log.ensureStream(0);
    const request = { partition: 0, origin: "eu", data: Buffer.from("a"), timeoutMs: 1_000 };
    await log.publish(request);
    await Promise.all([bed.cluster.server("us").kill(), bed.cluster.server("ap").kill()]);

    const outcome = await log.publish(request).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(outcome instanceof LogUnavailableError || outcome instanceof PublishTimeoutError).toBe(true);
    // The leader answers from what it has until it notices that it lost its quorum.
    await eventually("a refusal", async () =>
      log.inspect(0).then(
        ({ leader }) => (leader === undefined ? true : undefined),
        (error: unknown) => error instanceof LogUnavailableError,
      ),
    );
    await expect(log.ensureStream(1, { timeoutMs: 2_000 })).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(log.subscribe({ partition: 0, from: 1 })).rejects.toBeInstanceOf(LogUnavailableError);

    await Promise.all([bed.cluster.server("us").start(), bed.cluster.server("ap").start()]);
    const { position } = await eventually("a position", () => log.publish(request));
    expect(position).toBeGreaterThan(1);
  },
);
