/** A log is there for a region once what it publishes gets to the leader, which takes a moment longer than that there is one. */
import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import { closedSubject, requiredConfig } from "../../../../services/adapters/jetstream/stream-config.ts";
import { ensureStream } from "../../../../services/adapters/jetstream/stream.ts";
import type { Connection } from "../../../../services/adapters/nats/connection.ts";
import { LogUnavailableError } from "../../../../services/ports/global-log.ts";
import { silentLogger } from "../../../../services/runtime/logger.ts";

/** Ensures a log that is there and has a leader. @returns how often it was tried whether that one is reached. */
async function triesUntilThere(reached: readonly boolean[], config: Partial<StreamConfig> = {}) {
  let tries = 0;
  const info = { config: { ...requiredConfig(0, 3), ...config }, cluster: { leader: "us" } };
  await ensureStream({
    connection: { isOpen: true } as Connection,
    manager: { streams: { info: async () => info } } as unknown as JetStreamManager,
    change: () => Promise.reject(new Error("there is nothing to change")),
    isLeaderReached: async () => reached[tries++] ?? false,
    partition: 0,
    replicas: 3,
    mayMake: true,
    timeoutMs: 500,
    logger: silentLogger,
  });
  return tries;
}

it("tries until the leader is reached", async () => {
  expect(await triesUntilThere([true])).toBe(1);
  expect(await triesUntilThere([false, false, true])).toBe(3);
});

it("says at its deadline that the leader is not reached", async () => {
  const refusal = triesUntilThere([]);
  await expect(refusal).rejects.toBeInstanceOf(LogUnavailableError);
  await expect(refusal).rejects.toThrow("the leader of partition 0 is not reached from here yet");
});

it("does not try with a log that is closed, to which nobody can publish", async () => {
  expect(await triesUntilThere([], { subjects: [closedSubject(0)] })).toBe(0);
});
