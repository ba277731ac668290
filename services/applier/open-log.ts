/** Before folding: is this the log that the state was folded from, or goes on from it, and does it still hold what comes next? */
import { LogMismatchError } from "../core/fold/fold.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { isFirstEntryNeeded, judgeLog, witnessProblem, type LogEvidence } from "../core/log/judge-log.ts";
import { encodeEntry } from "../protocol/entry-codec.ts";
import { UndecodableEntryError } from "../protocol/undecodable.ts";
import type { Clock, Random } from "../ports/clock.ts";
import {
  LogMissingError,
  WrongLastPositionError,
  type GlobalLog,
  type LogInspection,
} from "../ports/global-log.ts";
import { DisplacedError } from "../ports/own-wal.ts";
import type { CommittedState } from "../ports/region-store.ts";
import { readFirstEntry } from "../runtime/first-entry.ts";
import type { Logger } from "../runtime/logger.ts";

const GENESIS_TIMEOUT_MS = 5_000;
/** A leader that was cut off may answer with an old end until it notices, within 10 s. */
const INSPECTIONS_MAX = 12;
const INSPECT_EVERY_MS = 1_000;

/** What another region says of itself. */
export interface LogWitness {
  readonly region: string;
  readonly position: number;
  /** Of the log that it has folded. */
  readonly logCreatedAtMs: number | undefined;
}

export interface OpenLogOptions {
  readonly region: string;
  readonly partition: number;
  readonly partitions: number;
  readonly members: readonly string[];
  readonly store: CommittedState;
  readonly log: GlobalLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Asks other regions how far they are: those that answer within a moment. Without it nobody is asked. */
  readonly witnesses?: (partition: number) => Promise<readonly LogWitness[]>;
}

export interface OpenedLog {
  /** To fold onto. */
  readonly state: PartitionState;
  /** Of the log. */
  readonly firstPosition: number;
}

/** The log no longer holds what this state needs next: it has to be loaded from another region. */
export class NeedsBootstrapError extends LogMismatchError {}

/**
 * Checks the log against the state, makes the genesis entry of an empty one, and binds the state to it: also to one that was
 * made anew, and goes on exactly from it.
 * @throws {NeedsBootstrapError} it goes on too late for this state.
 * @throws {LogMismatchError} the log is another one, has lost its tail, or is gone.
 */
export async function openLog(options: OpenLogOptions, stop: AbortSignal): Promise<OpenedLog> {
  const { store, partition, region, logger } = options;
  const state = await store.loadPartition(partition);
  const boundTo = await store.logCreatedAtMs(partition);
  const found = await inspectPatiently(options, state, stop);
  const evidence = { region, state, boundTo, found };
  const first = isFirstEntryNeeded(evidence)
    ? await readFirstEntry(options.log, { partition, position: found!.firstPosition })
    : undefined;
  const isAnew = checkVerdict({ ...evidence, first });
  checkPartitions(state, options);
  const { createdAtMs, firstPosition, lastPosition } = found!;
  if (isAnew) {
    const { position } = state;
    await store.rebindLog({ partition, position, from: boundTo!, to: createdAtMs });
    logger.warn({ partition, position, createdAtMs }, "the log was made anew; folding goes on with it");
  }
  if (state.position === 0 && lastPosition === 0) await publishGenesis(options);
  if (boundTo === undefined) await store.bindLog({ partition, createdAtMs });
  return { state, firstPosition };
}

/** @returns whether the state goes over to another log. @throws {LogMismatchError} */
function checkVerdict(evidence: LogEvidence): boolean {
  const verdict = judgeLog(evidence);
  switch (verdict.kind) {
    case "go-on":
      return false;
    case "rebind":
      return true;
    case "behind":
      throw new NeedsBootstrapError(verdict.reason);
    case "beyond":
    case "failed":
      throw new LogMismatchError(verdict.reason);
  }
}

/**
 * Undefined where there is no log, although there was one. A log that seems too short is looked at again: only what stays so
 * is believed.
 * @throws {LogMismatchError} another region has folded more of this log than there is.
 */
async function inspectPatiently(
  options: OpenLogOptions,
  state: PartitionState,
  stop: AbortSignal,
): Promise<LogInspection | undefined> {
  const { partition, clock, witnesses } = options;
  // Asked first: what they had folded before the log was looked at must be in it.
  const heard = (await witnesses?.(partition)) ?? [];
  for (let tries = 1; ; tries += 1) {
    const found = await inspect(options, state);
    const problems =
      found === undefined ? [] : heard.map((witness) => witnessProblem({ ...found, partition }, witness));
    const problem = problems.find((one) => one !== undefined);
    const isShort = found === undefined || found.lastPosition < state.position || problem !== undefined;
    if (isShort && tries < INSPECTIONS_MAX && !stop.aborted) {
      await clock.sleep(INSPECT_EVERY_MS, stop);
      continue;
    }
    if (problem !== undefined) throw new LogMismatchError(problem);
    return found;
  }
}

async function inspect(
  { log, partition }: OpenLogOptions,
  state: PartitionState,
): Promise<LogInspection | undefined> {
  try {
    return await log.inspect(partition);
  } catch (error) {
    // Before the first fold it is yet to be made.
    if (error instanceof LogMissingError && state.position > 0) return undefined;
    throw error;
  }
}

/**
 * The partitions of a cluster are what its genesis says; a configuration that says otherwise is wrong. A region that is no
 * member folds the log all the same: it goes on by itself once it is added.
 */
export function checkPartitions(state: PartitionState, expected: { partitions: number }): void {
  if (state.cluster === null) return;
  if (state.partitions !== expected.partitions) {
    throw new LogMismatchError(
      `the cluster has ${state.partitions} partitions, the topology says ${expected.partitions}`,
    );
  }
}

async function publishGenesis(options: OpenLogOptions): Promise<void> {
  const { log, partition, partitions, region, clock, random } = options;
  const members = options.members.toSorted();
  const cluster = random.uuid(clock.nowMs());
  const data = encodeEntry({ kind: "genesis", cluster, partition, partitions, members });
  try {
    await log.publish({
      partition,
      origin: region,
      data,
      timeoutMs: GENESIS_TIMEOUT_MS,
      expectedLastPosition: 0,
    });
  } catch (error) {
    // Another region was first: its genesis is the cluster's.
    if (!(error instanceof WrongLastPositionError)) throw error;
  }
}

/** What folding stops at: another try finds the same, until somebody has mended it. */
export function isFatalForLog(error: unknown): boolean {
  return [UndecodableEntryError, LogMismatchError, DisplacedError].some((type) => error instanceof type);
}
