/**
 * Making a stream anew whose positions go on: delete → make it, closed to everybody → first entry → open it.
 *
 * Until the first entry is there the stream has a subject that no region publishes to, so that nothing gets in before it.
 * Each step looks what is there, so that whoever comes again, or second, goes on with it. Between a look at the old stream
 * and its deletion somebody else may have made the new one: then that is deleted, and made once more by the one of them that
 * comes again.
 */
import { headers } from "@nats-io/transport-node";
import type { StreamInfo } from "@nats-io/jetstream";
import {
  LogMissingError,
  LogUnavailableError,
  OtherLogError,
  type RebuildRequest,
  type RebuiltLog,
} from "../../ports/global-log.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError } from "../nats/errors.ts";
import { pause } from "../nats/wait.ts";
import type { JetStreamApi } from "./api.ts";
import { apiErrorCode, assertOpen } from "./errors.ts";
import { closedSubject, requiredConfig, streamName } from "./stream-config.ts";
import { STREAM_EXISTS_OTHERWISE, STREAM_NOT_FOUND, streamInfo } from "./stream.ts";

/** A stream that was just made elects its leader first. */
const FIRST_ENTRY_MS_MAX = 20_000;
const FIRST_ENTRY_PAUSE_MS = 250;
const PUBLISH_TIMEOUT_MS = 2_000;

export interface RebuildParts {
  readonly connection: Connection;
  readonly api: JetStreamApi;
  readonly replicas: number;
}

/** As the port says. */
export async function rebuildStream(parts: RebuildParts, request: RebuildRequest): Promise<RebuiltLog> {
  try {
    const before = await findStream(parts, request);
    if (before !== undefined && isMeant(before, request)) await deleteStream(parts, request);
    const made = before === undefined || isMeant(before, request) ? await makeStream(parts, request) : before;
    checkIsAnew(made, request);
    const first = await putFirst(parts, request);
    checkFirst(first, request);
    const info = await openStream(parts, request);
    return { createdAtMs: Date.parse(info.created), first };
  } catch (error) {
    if (error instanceof LogUnavailableError || error instanceof OtherLogError) throw error;
    const reason = `the log of partition ${request.partition} can't be made anew: ${describeError(error)}`;
    throw new LogUnavailableError(reason, { cause: error });
  }
}

function isMeant(info: StreamInfo, { createdAtMs }: RebuildRequest): boolean {
  return Date.parse(info.created) === createdAtMs;
}

async function findStream(
  { api }: RebuildParts,
  { partition }: RebuildRequest,
): Promise<StreamInfo | undefined> {
  try {
    return await streamInfo(api, partition);
  } catch (error) {
    if (error instanceof LogMissingError) return undefined;
    throw error;
  }
}

async function deleteStream({ api }: RebuildParts, { partition }: RebuildRequest): Promise<void> {
  try {
    await api.change((manager) => manager.streams.delete(streamName(partition)));
  } catch (error) {
    if (apiErrorCode(error) !== STREAM_NOT_FOUND) throw error;
  }
}

async function makeStream({ api, replicas }: RebuildParts, request: RebuildRequest): Promise<StreamInfo> {
  const { partition, after } = request;
  const name = streamName(partition);
  const config = { ...requiredConfig(partition, replicas), name, first_seq: after + 1 };
  try {
    return await api.change((manager) =>
      manager.streams.add({ ...config, subjects: [closedSubject(partition)] }),
    );
  } catch (error) {
    // Somebody else has made it in between.
    if (apiErrorCode(error) === STREAM_EXISTS_OTHERWISE) return streamInfo(api, partition);
    throw error;
  }
}

/** @throws {OtherLogError} */
function checkIsAnew(info: StreamInfo, { partition, after }: RebuildRequest): void {
  // A server leaves it out where it is not set, whatever the library's type says.
  const first = (info.config.first_seq as number | undefined) ?? 1;
  if (first === after + 1) return;
  throw new OtherLogError(
    `the log of partition ${partition} was made at ${info.created} by somebody else: its positions begin at ${first}, and not at ${after + 1}`,
  );
}

/** Before anybody can publish to it. @throws {OtherLogError} */
function checkFirst(first: Uint8Array, { partition, accepts = () => true }: RebuildRequest): void {
  if (!accepts(first))
    throw new OtherLogError(`the first entry of partition ${partition}'s log is another's`);
}

/** @returns the first entry, of whomever. */
async function putFirst(parts: RebuildParts, request: RebuildRequest): Promise<Uint8Array> {
  const { partition, after, first } = request;
  const deadlineMs = performance.now() + FIRST_ENTRY_MS_MAX;
  for (;;) {
    const { state } = await streamInfo(parts.api, partition);
    if (state.last_seq > after) return readFirst(parts, request);
    if (first === undefined)
      throw new OtherLogError(`the log of partition ${partition} has lost its first entry`);
    try {
      await publishFirst(parts.connection, { subject: closedSubject(partition), after, first });
      return first;
    } catch (error) {
      // Without a leader yet, or not known to be stored: the next look tells.
      if (performance.now() >= deadlineMs) throw error;
      await pause(FIRST_ENTRY_PAUSE_MS);
    }
  }
}

async function publishFirst(
  connection: Connection,
  { subject, after, first }: { subject: string; after: number; first: Uint8Array },
): Promise<void> {
  assertOpen(connection);
  const expecting = headers();
  expecting.set("Nats-Expected-Last-Sequence", String(after));
  const options = { timeout: PUBLISH_TIMEOUT_MS, headers: expecting };
  const answer = await connection.untilInterrupted(connection.client.request(subject, first, options));
  const { error } = answer.json<{ error?: { description?: string } }>();
  if (error !== undefined) throw new LogUnavailableError(error.description ?? "the first entry was refused");
}

/** What was trimmed since is not there to be compared: the log has gone on for long. */
async function readFirst({ api }: RebuildParts, { partition, after }: RebuildRequest): Promise<Uint8Array> {
  const message = await api.ask((manager) =>
    manager.streams.getMessage(streamName(partition), { seq: after + 1 }),
  );
  if (message === null)
    throw new OtherLogError(`the log of partition ${partition} has gone on, and begins after ${after + 1}`);
  return message.data;
}

/** From here on all regions can publish to it. */
async function openStream(
  { api, replicas }: RebuildParts,
  { partition }: RebuildRequest,
): Promise<StreamInfo> {
  const { config } = await streamInfo(api, partition);
  const kept = Math.max(config.num_replicas, replicas);
  const wanted = { ...config, ...requiredConfig(partition, kept) };
  return api.change((manager) => manager.streams.update(streamName(partition), wanted));
}
