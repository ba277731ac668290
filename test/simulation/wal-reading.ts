/** What a simulated database tells of its WAL, and of the operations in it. */
import type { AppendOutcome, WalAppend, WalHead, WalRow } from "../../services/ports/region-store.ts";
import { bytesOf } from "./bytes.ts";
import { troubleOf } from "./own-wal.ts";
import { foldedUpTo, knownIn, rowsAfter, toRow, type PartitionData } from "./partition-data.ts";

type Partitions = ReadonlyMap<number, PartitionData>;

export function readRows(
  data: PartitionData,
  options: { readonly after: number; readonly rowsMax: number; readonly bytesMax: number },
): WalRow[] {
  const rows: WalRow[] = [];
  let bytes = 0;
  for (const timed of rowsAfter(data, options.after)) {
    const row = toRow(timed);
    bytes += bytesOf([row]);
    if (rows.length > 0 && (rows.length >= options.rowsMax || bytes > options.bytesMax)) break;
    rows.push(row);
  }
  return rows;
}

export function headOf(data: PartitionData, { region, nowMs }: { region: string; nowMs: number }): WalHead {
  const watermark = data.state.origins[region]?.watermark ?? 0;
  const pending = rowsAfter(data, watermark);
  const trouble = troubleOf(data);
  return {
    sequence: data.walEnd,
    hlc: data.lastHlc,
    pendingRows: Math.max(0, data.walEnd - watermark),
    pendingBytes: bytesOf(pending),
    oldestPendingAtMs: pending[0]?.acceptedAtMs,
    ...(pending[0] && { oldestPendingId: pending[0].id }),
    nowMs,
    ...(trouble && { trouble }),
    ...(data.setAside.length > 0 && { setAsideRows: data.setAside.length }),
  };
}

function known(data: PartitionData, { id, region }: { id: string; region: string }) {
  return knownIn(data, { id, folded: foldedUpTo(data, region) });
}

export function findKnown(
  partitions: Partitions,
  { operation, region }: { operation: WalAppend; region: string },
): AppendOutcome | undefined {
  for (const data of partitions.values()) {
    const { outcome, row } = known(data, { id: operation.id, region });
    const found = outcome ?? row;
    if (found === undefined) continue;
    const isSame = found.requestHash === operation.requestHash && found.tenant === operation.tenant;
    if (!isSame) return { status: "mismatched" };
    if (outcome !== undefined) return { status: "folded", outcome };
    if (row !== undefined) return { status: "replayed", sequence: row.sequence, hlc: row.hlc };
  }
  return undefined;
}
