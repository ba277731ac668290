/** Trimming a stream at its beginning, never further than it is asked to. */
import { LogUnavailableError, OtherLogError, type TrimRequest } from "../../ports/global-log.ts";
import { describeError } from "../nats/errors.ts";
import type { JetStreamApi } from "./api.ts";
import { streamName } from "./stream-config.ts";
import { streamInfo } from "./stream.ts";

/**
 * Purges what is before `below`. The server takes a position beyond the end at its word and goes on counting from there,
 * and a purge without one takes all: so it is always given, and at most the last that there is.
 */
export async function trimStream(
  api: JetStreamApi,
  { partition, createdAtMs, below }: TrimRequest,
): Promise<{ firstPosition: number }> {
  const { state, created } = await streamInfo(api, partition);
  if (Date.parse(created) !== createdAtMs) {
    throw new OtherLogError(
      `the log of partition ${partition} was made at ${Date.parse(created)}, the one to trim at ${createdAtMs}`,
    );
  }
  const first = Math.max(1, state.first_seq);
  const seq = Math.min(below, state.last_seq);
  if (seq <= first) return { firstPosition: first };
  try {
    await api.ask((manager) => manager.streams.purge(streamName(partition), { seq }));
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    throw new LogUnavailableError(`partition ${partition} can't be trimmed: ${describeError(error)}`, {
      cause: error,
    });
  }
  return { firstPosition: seq };
}
