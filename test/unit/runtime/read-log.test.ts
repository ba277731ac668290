/** Reading a stretch of a log: every entry of it, in order, or an error. */
import { describe, expect, it } from "vitest";
import { LogUnavailableError, type LogMessage } from "../../../services/ports/global-log.ts";
import { encodeEntry } from "../../../services/protocol/entry-codec.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import { readLog } from "../../../services/runtime/read-log.ts";

function message(position: number): LogMessage {
  const id = uuidOf("barrier", String(position));
  const data = encodeEntry({ kind: "barrier", origin: "eu", id, purpose: "test" });
  return { position, storedAtMs: position, data };
}

/** Hands out these positions alone, whoever asks. */
async function read(positions: readonly number[], to: number): Promise<number[]> {
  const subscribe = async ({ from }: { from: number }) => {
    let left = positions.filter((position) => position >= from).map(message);
    return {
      receive: async () => {
        const page = left;
        left = [];
        return page;
      },
      close: async () => undefined,
    };
  };
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: async () => undefined,
    turn: async () => undefined,
  };
  const log = { subscribe } as never;
  const taken: number[] = [];
  const stretch = { log, clock: clock as never, partition: 0, from: 1, to, untilMs: 1 };
  await readLog(stretch, ({ position }) => taken.push(position));
  return taken;
}

describe("a stretch of the log", () => {
  it("is read to its end, and no further", async () => {
    expect(await read([1, 2, 3, 4], 3)).toEqual([1, 2, 3]);
  });

  it.each([
    ["has a gap", [1, 2, 4]],
    ["has a gap where it ends", [1, 2, 3, 5]],
    ["ends before", [1, 2, 3]],
  ])("is not read where it %s", async (_, positions) => {
    await expect(read(positions, 4)).rejects.toBeInstanceOf(LogUnavailableError);
  });
});
