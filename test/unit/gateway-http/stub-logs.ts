/** Logs as a test says they are, and what was ordered of them. */
import {
  planRebuild,
  type RebuildQuestion,
  type RegionLogState,
} from "../../../services/core/log/rebuild-plan.ts";
import type { LogKeeping, LogRebuildRequest, PartitionLog } from "../../../services/gateway/log-keeper.ts";

const CHAIN = "ab".repeat(32);
const CLUSTER = "01990000-0000-7000-8000-000000000001";
export const MADE_AT_MS = 1_760_000_000_000;

/** A region that folds the log that is there, unless told otherwise. */
export function logState(region: string, change: Partial<RegionLogState> = {}): RegionLogState {
  const origin = { watermark: 7, appliedPosition: 90 };
  return {
    region,
    position: 100,
    chain: CHAIN,
    cluster: CLUSTER,
    logEpoch: 0,
    logCreatedAtMs: MADE_AT_MS,
    logTimeMs: MADE_AT_MS + 5_000,
    stopped: undefined,
    walHead: 9,
    origins: { ap: origin, eu: origin, us: origin },
    ...change,
  };
}

/** Of three regions and a log that holds 1 to 100. */
export function question(
  changes: { readonly [region: string]: Partial<RegionLogState> | undefined } = {},
  more: Partial<RebuildQuestion> = {},
): RebuildQuestion {
  const answers = ["ap", "eu", "us"].map((region) => {
    const isSilent = region in changes && changes[region] === undefined;
    return { region, state: isSilent ? undefined : logState(region, changes[region]) };
  });
  const found = { createdAtMs: MADE_AT_MS, firstPosition: 1, lastPosition: 100 };
  return { partition: 0, found, answers, without: [], from: undefined, isForced: false, ...more };
}

export class StubLogKeeping implements LogKeeping {
  asked: RebuildQuestion = question();
  readonly rebuilds: LogRebuildRequest[] = [];
  /** What the next looks find, one after the other, and then `asked`. */
  readonly next: RebuildQuestion[] = [];

  logs(): Promise<readonly PartitionLog[]> {
    return Promise.resolve([partitionLog(this.next.shift() ?? this.asked)]);
  }

  rebuildLogs(request: LogRebuildRequest): Promise<readonly PartitionLog[]> {
    this.rebuilds.push(request);
    const { without, from, isForced } = request;
    const log = partitionLog({ ...this.asked, without, from, isForced });
    const made = { createdAtMs: MADE_AT_MS + 60_000, epoch: log.plan.epoch, position: 101 };
    return Promise.resolve([request.isDryRun ? log : { ...log, made }]);
  }
}

function partitionLog(asked: RebuildQuestion): PartitionLog {
  return { plan: planRebuild(asked), problem: undefined, made: undefined };
}
