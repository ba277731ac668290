/** Reads the first entry that a log has: what it begins with says what it goes on from. */
import type { Entry } from "../core/entry.ts";
import { decodeEntry } from "../protocol/entry-codec.ts";
import { LogUnavailableError, type GlobalLog } from "../ports/global-log.ts";

const TIMEOUT_MS = 5_000;

/** @throws {LogUnavailableError} it did not come. @throws {UndecodableEntryError} and what `subscribe` throws. */
export async function readFirstEntry(
  log: GlobalLog,
  { partition, position }: { partition: number; position: number },
): Promise<{ readonly position: number; readonly entry: Entry }> {
  const subscription = await log.subscribe({ partition, from: position });
  try {
    const [message] = await subscription.receive({ messagesMax: 1, bytesMax: 1, timeoutMs: TIMEOUT_MS });
    if (message === undefined)
      throw new LogUnavailableError(
        `the first entry of partition ${partition}, at ${position}, does not come`,
      );
    return { position: message.position, entry: decodeEntry(message.data).entry };
  } finally {
    await subscription.close();
  }
}
