/** What trimming reports, as Prometheus has it. */
import type { MembersPlace } from "../../core/trim/members.ts";
import type { Meter } from "../../runtime/metrics.ts";
import { ToldLabels } from "../metrics/told-labels.ts";

export interface TrimMetrics {
  members(partition: number, seen: { regions: readonly string[]; placed: MembersPlace }): void;
  /** @param isTooLate the log begins behind what this region would have to fold next. */
  log(partition: number, seen: { firstPosition: number; isTooLate: boolean }): void;
  forgottenTo(partition: number, position: number): void;
  walTrimmed(partition: number, rows: number): void;
  operationsTrimmed(rows: number): void;
}

const PARTITION = ["partition"] as const;

/** @param partitions how many there are: each is told of before anything has happened. */
export function createTrimMetrics(meter: Meter, partitions: number): TrimMetrics {
  const members = createMemberMetrics(meter);
  const first = meter.gauge({
    name: "forebay_log_first_position",
    help: "First position that the log still holds.",
    labels: PARTITION,
  });
  const tooLate = meter.gauge({
    name: "forebay_bootstrap_needed",
    help: "1 where the log no longer holds what this region would have to fold next: it needs a bootstrap.",
    labels: PARTITION,
  });
  const forgotten = meter.gauge({
    name: "forebay_operations_forgotten_position",
    help: "Operations that took effect up to this log position are no longer known, in any region.",
    labels: PARTITION,
  });
  const wal = meter.counter({
    name: "forebay_wal_trimmed_rows_total",
    help: "Rows of the WAL that were deleted: every member has folded them.",
    labels: PARTITION,
  });
  const operations = meter.counter({
    name: "forebay_operations_trimmed_rows_total",
    help: "Rows of operations that were deleted: the log has let go of them.",
    labels: [],
  });
  for (let number = 0; number < partitions; number += 1) {
    const partition = String(number);
    tooLate.set({ partition }, 0);
    wal.inc({ partition }, 0);
  }
  return {
    members,
    log(number, { firstPosition, isTooLate }) {
      const partition = String(number);
      first.set({ partition }, firstPosition);
      tooLate.set({ partition }, isTooLate ? 1 : 0);
    },
    forgottenTo: (partition, position) => forgotten.set({ partition: String(partition) }, position),
    walTrimmed: (partition, rows) => wal.inc({ partition: String(partition) }, rows),
    operationsTrimmed: (rows) => operations.inc({}, rows),
  };
}

function createMemberMetrics(meter: Meter): TrimMetrics["members"] {
  const foldedByAll = meter.gauge({
    name: "forebay_folded_by_all_position",
    help: "Log position that every member that counts has folded: nothing beyond it is trimmed.",
    labels: PARTITION,
  });
  const pinning = meter.gauge({
    name: "forebay_trim_pinned_by",
    help: "1 for the member that keeps log and WAL from being trimmed further.",
    labels: ["partition", "peer"],
  });
  const away = meter.gauge({
    name: "forebay_member_away",
    help: "1 for a member that was away for too long: nothing is kept for it, and it may need a bootstrap.",
    labels: ["partition", "peer"],
  });
  const told = new ToldLabels("peer", [pinning, away]);
  return (number, { regions, placed }) => {
    const partition = String(number);
    // Who has left pins nothing, and is not away.
    told.only(partition, regions);
    foldedByAll.set({ partition }, placed.foldedByAll);
    for (const peer of regions) {
      pinning.set({ partition, peer }, placed.pinnedBy?.region === peer ? 1 : 0);
      away.set({ partition, peer }, placed.away.some(({ region }) => region === peer) ? 1 : 0);
    }
  };
}
