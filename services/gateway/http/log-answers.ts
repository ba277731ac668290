/** The log as operators read of it. */
import type { PlannedRegion } from "../../core/log/rebuild-plan.ts";
import type { LogAnswer, PartitionLogAnswer, RegionLogAnswer } from "../../protocol/http/log.ts";
import type { PartitionLog } from "../log-keeper.ts";

export function logAnswer(logs: readonly PartitionLog[]): LogAnswer {
  return { partitions: logs.map(partitionLogAnswer) };
}

function partitionLogAnswer({ plan, problem, made }: PartitionLog): PartitionLogAnswer {
  const { partition, found, regions, from, epoch, lostPositions, resumedAfter, refusal } = plan;
  return {
    partition,
    ...(found !== undefined && {
      log: {
        created_at_ms: found.createdAtMs,
        first: found.firstPosition,
        last: found.lastPosition,
        ...(found.isClosed === true && { is_closed: true as const }),
      },
    }),
    ...(problem !== undefined && { problem }),
    healthy: problem === undefined && refusal?.why === "healthy",
    regions: regions.map(regionLogAnswer),
    ...(from !== undefined && { from: from.region }),
    epoch,
    lost_positions: lostPositions,
    ...(resumedAfter !== undefined && { resumed_after: resumedAfter }),
    ...(refusal !== undefined && { refusal }),
    ...(made !== undefined && {
      made: { created_at_ms: made.createdAtMs, epoch: made.epoch, position: made.position },
    }),
  };
}

function regionLogAnswer(planned: PlannedRegion): RegionLogAnswer {
  const { region, state, problem, fate, proposedAgain, heardPosition } = planned;
  return {
    region,
    ...(problem !== undefined && { problem }),
    ...(state !== undefined && {
      position: state.position,
      chain: state.chain,
      wal_head: state.walHead,
      ...(state.logCreatedAtMs !== undefined && { log_created_at_ms: state.logCreatedAtMs }),
      ...(state.stopped !== undefined && { stopped: state.stopped }),
    }),
    ...(heardPosition !== undefined && { heard_position: heardPosition }),
    ...(proposedAgain !== undefined && { proposed_again: proposedAgain }),
    fate,
  };
}
