/**
 * Handing a stream's leadership over: ask its leader to step down in favour of another → look until another leads.
 *
 * During the hand-over nobody answers, so looks are short and are sent again.
 */
import { LogUnavailableError, type MoveLeaderRequest } from "../../ports/global-log.ts";
import type { Connection } from "../nats/connection.ts";
import { describeError, isWithoutResponders } from "../nats/errors.ts";
import { pause } from "../nats/wait.ts";
import { assertOpen } from "./errors.ts";
import { streamName } from "./stream-config.ts";

/** Shorter than the whole: where nobody answers it, the looks tell what came of it. */
const STEP_DOWN_TIMEOUT_MS = 1_000;
const LOOK_TIMEOUT_MS = 1_000;
const LOOK_PAUSE_MS = 25;

interface ApiAnswer {
  readonly error?: { readonly description?: string };
  readonly cluster?: { readonly leader?: string };
}

/** As the port says. */
export async function moveLeader(
  connection: Connection,
  request: MoveLeaderRequest,
): Promise<{ leader: string | undefined }> {
  const { partition, to, timeoutMs } = request;
  const deadlineMs = performance.now() + timeoutMs;
  const before = await currentLeader(connection, partition, deadlineMs);
  if (before === undefined) throw new LogUnavailableError(`partition ${partition} has no leader`);
  if (before === to) return { leader: to };
  await stepDown(connection, request);
  let leader: string | undefined;
  while (performance.now() < deadlineMs) {
    leader = await currentLeader(connection, partition, deadlineMs);
    // The old leader may still answer for a moment; a third one means that the election went elsewhere.
    if (leader !== undefined && leader !== before) break;
    await pause(LOOK_PAUSE_MS);
  }
  return { leader };
}

/** @throws {LogUnavailableError} refused, or not sent. */
async function stepDown(connection: Connection, request: MoveLeaderRequest) {
  const { partition, to } = request;
  const timeoutMs = Math.min(STEP_DOWN_TIMEOUT_MS, request.timeoutMs);
  const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${streamName(partition)}`;
  const wish = { placement: { preferred: to } };
  try {
    const answer = await ask(connection, { subject, body: wish, timeoutMs });
    if (answer.error === undefined) return;
    const reason = answer.error.description ?? "without saying why";
    throw new LogUnavailableError(
      `partition ${partition} can't be led by ${to}: the server refuses: ${reason}`,
    );
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    if (isWithoutResponders(error)) throw unavailable(partition, error);
    // It may have stepped down without our hearing of it: the looks will tell.
  }
}

/** Undefined while nobody leads, or nobody answers. @throws {LogUnavailableError} there is no such stream. */
async function currentLeader(
  connection: Connection,
  partition: number,
  deadlineMs: number,
): Promise<string | undefined> {
  const subject = `$JS.API.STREAM.INFO.${streamName(partition)}`;
  const timeoutMs = Math.min(LOOK_TIMEOUT_MS, deadlineMs - performance.now());
  try {
    const { error, cluster } = await ask(connection, { subject, body: {}, timeoutMs });
    if (error !== undefined) throw new LogUnavailableError(error.description ?? "the server refuses");
    return cluster === undefined ? connection.serverName : cluster.leader || undefined;
  } catch (error) {
    if (error instanceof LogUnavailableError) throw error;
    if (isWithoutResponders(error)) throw unavailable(partition, error);
    return undefined;
  }
}

async function ask(
  connection: Connection,
  { subject, body, timeoutMs }: { subject: string; body: object; timeoutMs: number },
): Promise<ApiAnswer> {
  assertOpen(connection);
  const options = { timeout: Math.max(1, timeoutMs) };
  const asking = connection.client.request(subject, JSON.stringify(body), options);
  return (await connection.untilInterrupted(asking)).json<ApiAnswer>();
}

function unavailable(partition: number, cause: unknown): LogUnavailableError {
  return new LogUnavailableError(`partition ${partition} can't be asked: ${describeError(cause)}`, { cause });
}
