/**
 * Waiting for a region's checkpoint: it may lag, and comes then; it may have passed the barrier without one, or be silent, and
 * then it is not waited for.
 */
import { backoffMs } from "../runtime/backoff.ts";
import type { Clock, Random } from "../ports/clock.ts";
import type { CheckpointState } from "../protocol/verify-message.ts";
import { RegionProblemError, type Peer } from "./peer.ts";

/** Longer than any lag that is worth waiting for; a checkpoint of another region is kept for longer. */
export const ARRIVAL_MS_MAX = 120_000;
/** Of a checkpoint that is there: for as long as its snapshot lives. */
const DIGESTING_MS_MAX = 600_000;
/** Whether the barrier is in the log is unknown. */
const UNSURE_MS_MAX = 20_000;
/** Nobody of the region has answered for this long. */
export const SILENT_MS_MAX = 10_000;
/** A region is beyond the barrier, and nobody there has a checkpoint: it may be just about to serve it. */
const PASSED_MS_MAX = 5_000;
const LOOK = { baseMs: 50, maxMs: 300 };

export type ReadyState = Extract<CheckpointState, { status: "ready" }>;

export interface ArrivalOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly partition: number;
  /** Undefined where the log did not say. */
  readonly position: number | undefined;
}

/** @throws {RegionProblemError} says why it is not waited for any longer. */
export async function awaitCheckpoint(
  peer: Pick<Peer, "region" | "look" | "lookAtPlace">,
  options: ArrivalOptions,
): Promise<ReadyState> {
  const { clock, random, position } = options;
  const startedAtMs = clock.monotonicMs();
  const patienceMs = position === undefined ? UNSURE_MS_MAX : ARRIVAL_MS_MAX;
  let heardAtMs = startedAtMs;
  let passedAtMs: number | undefined;
  for (let attempt = 0; ; attempt += 1) {
    const seen = await look(peer, options);
    const nowMs = clock.monotonicMs();
    if (typeof seen === "object") return seen;
    if (seen !== "silent") heardAtMs = nowMs;
    passedAtMs = seen === "passed" ? (passedAtMs ?? nowMs) : undefined;
    if (nowMs - heardAtMs >= SILENT_MS_MAX) fail(peer, "does not answer");
    if (passedAtMs !== undefined && nowMs - passedAtMs >= PASSED_MS_MAX)
      fail(peer, "has passed the barrier without a checkpoint");
    if (seen === "digesting") {
      if (nowMs - startedAtMs >= DIGESTING_MS_MAX)
        fail(peer, `has not digested its rows within ${DIGESTING_MS_MAX / 1_000} s`);
    } else if (nowMs - startedAtMs >= patienceMs)
      fail(peer, `has not come to the barrier within ${patienceMs / 1_000} s`);
    await clock.sleep(backoffMs({ attempt, ...LOOK, random }));
  }
}

type Seen = ReadyState | "digesting" | "behind" | "passed" | "silent";

async function look(
  peer: Pick<Peer, "region" | "look" | "lookAtPlace">,
  { partition, position }: ArrivalOptions,
): Promise<Seen> {
  try {
    const state = await peer.look();
    if (state.status === "ready") return state;
    if (state.status === "void") fail(peer, state.reason);
    return "digesting";
  } catch (error) {
    if (error instanceof RegionProblemError) throw error;
  }
  try {
    const place = await peer.lookAtPlace(partition);
    return position !== undefined && place >= position ? "passed" : "behind";
  } catch (error) {
    if (error instanceof RegionProblemError) throw error;
    return "silent";
  }
}

function fail({ region }: Pick<Peer, "region">, text: string): never {
  throw new RegionProblemError(region, { kind: "unreachable", text });
}
