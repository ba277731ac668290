/** Before folding: is this the log that the state was folded from, and does it still hold what comes next? */
import { LogMismatchError } from "../core/fold/fold.ts";
import type { PartitionState } from "../core/fold/state.ts";
import { encodeEntry } from "../protocol/entry-codec.ts";
import type { Clock, Random } from "../ports/clock.ts";
import { WrongLastPositionError, type GlobalLog, type LogInspection } from "../ports/global-log.ts";
import type { CommittedState } from "../ports/region-store.ts";

const GENESIS_TIMEOUT_MS = 5_000;
/** A leader that was cut off may answer with an old end until it notices, within 10 s. */
const INSPECTIONS_MAX = 12;
const INSPECT_EVERY_MS = 1_000;

/** The log no longer holds what the state would have to fold next: it can only be loaded from elsewhere. */
export class NeedsBootstrapError extends Error {
  override readonly name = "NeedsBootstrapError";
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
  /** Was loaded and is folded on: who is a member, it has yet to learn. */
  readonly isJoining?: boolean;
}

/**
 * Checks the log against the state, makes the genesis entry of an empty one, and binds the state to it.
 * @returns the state to fold onto.
 * @throws {LogMismatchError} the log is another one, or has lost its tail. @throws {NeedsBootstrapError}
 */
export async function openLog(options: OpenLogOptions, stop: AbortSignal): Promise<PartitionState> {
  const { store, log, partition, clock } = options;
  const state = await store.loadPartition(partition);
  const boundTo = await store.logCreatedAtMs(partition);
  let inspection = await log.inspect(partition);
  for (let tries = 1; tries < INSPECTIONS_MAX && inspection.lastPosition < state.position; tries += 1) {
    await clock.sleep(INSPECT_EVERY_MS, stop);
    inspection = await log.inspect(partition);
  }
  checkIdentity({ state, boundTo, inspection, region: options.region });
  if (options.isJoining !== true) checkMembership(state, options);
  if (inspection.lastPosition === 0) await publishGenesis(options);
  if (boundTo === undefined) await store.bindLog({ partition, createdAtMs: inspection.createdAtMs });
  return state;
}

function checkIdentity(input: {
  state: PartitionState;
  boundTo: number | undefined;
  inspection: LogInspection;
  region: string;
}): void {
  const { state, boundTo, inspection, region } = input;
  const name = `the log of partition ${state.partition}`;
  if (boundTo !== undefined && boundTo !== inspection.createdAtMs) {
    throw new LogMismatchError(
      `${name} was made at ${inspection.createdAtMs}, the state is folded from one made at ${boundTo}`,
    );
  }
  if (state.position > inspection.lastPosition) {
    throw new LogMismatchError(
      `${name} ends at ${inspection.lastPosition}, the state is folded up to ${state.position}`,
    );
  }
  // An empty log reports a first position of 0 or 1.
  if (inspection.firstPosition > state.position + 1) {
    throw new NeedsBootstrapError(
      `${name} begins at ${inspection.firstPosition}, the state needs ${state.position + 1}: region ${region} was away for ` +
        `too long and needs a bootstrap; local writes go on`,
    );
  }
}

/** The members and partitions of a cluster are what its genesis says; a configuration that says otherwise is wrong. */
export function checkMembership(
  state: PartitionState,
  expected: { members: readonly string[]; partitions: number; region: string },
): void {
  if (state.cluster === null) return;
  if (state.partitions !== expected.partitions) {
    throw new LogMismatchError(
      `the cluster has ${state.partitions} partitions, the topology says ${expected.partitions}`,
    );
  }
  if (!state.members.includes(expected.region)) {
    throw new LogMismatchError(
      `the cluster's members are ${state.members.join(", ")}; ${expected.region} is none of them; "forebay region add ${expected.region}" adds it`,
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
