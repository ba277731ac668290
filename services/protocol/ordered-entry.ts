/**
 * An entry as the log has it: decoded, and held to the name that it was published under.
 *
 * The server lets a region publish under its own name alone, and the name stays with the entry wherever somebody has it
 * sent on. What an entry says of itself counts only where it is that name. One that says otherwise is ignored, at its
 * position, in every region alike: were it to stop the log, a region could stop the others with a word in their name.
 */
import type { Entry, OrderedEntry } from "../core/entry.ts";
import { decodeEntry } from "./entry-codec.ts";

export interface PublishedMessage {
  readonly position: number;
  readonly storedAtMs: number;
  readonly data: Uint8Array;
  /** As the log tells it (`LogMessage`). */
  readonly publisher?: string | undefined;
}

/** @throws {UndecodableEntryError} says what is wrong; the partition must stop. */
export function orderedEntry({ position, storedAtMs, data, publisher }: PublishedMessage): OrderedEntry {
  const { entry, checksum } = decodeEntry(data);
  return { position, storedAtMs, checksum, entry: inItsName(entry, publisher) };
}

function inItsName(entry: Entry, publisher: string | undefined): OrderedEntry["entry"] {
  // A genesis speaks for nobody. What has no publisher was put there by whoever may make logs.
  if (publisher === undefined || entry.kind === "genesis") return entry;
  // Logs are made anew by nobody else.
  const isOwn = entry.origin === publisher && entry.kind !== "epoch";
  return isOwn ? entry : { kind: "forged", origin: entry.origin, publisher };
}
