/** Rows of one record side by side: what each region holds, field by field, and where they differ. */
import type { DifferingRecordAnswer, RepairAnswer } from "../../../protocol/http/verifications.ts";
import { UNKNOWN, valueText } from "./format.ts";

type Row = DifferingRecordAnswer["rows"][string];

export interface DifferenceRow {
  readonly what: string;
  /** In the order of the columns. */
  readonly values: readonly string[];
  readonly isDifferent: boolean;
}

/** Columns of a record that differs: regions, and what is right where that is proven. */
export function differenceTable(record: DifferingRecordAnswer): {
  readonly columns: readonly string[];
  readonly rows: readonly DifferenceRow[];
} {
  const regions = Object.keys(record.rows);
  const proven = record.proven === undefined ? [] : [record.proven.record];
  const columns = [...regions, ...proven.map(() => "would be")];
  return { columns, rows: compared([...regions.map((region) => record.rows[region] ?? null), ...proven]) };
}

/** Before and after of a repair. */
export function repairTable({ before, after }: Pick<RepairAnswer, "before" | "after">): DifferenceRow[] {
  return compared([before, after]);
}

function compared(rows: readonly Row[]): DifferenceRow[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row?.fields ?? {})))].sort();
  const hidden = [...new Set(rows.flatMap((row) => Object.keys(row?.hidden ?? {})))].sort();
  const line = (what: string, read: (row: Row) => string): DifferenceRow => {
    const values = rows.map(read);
    return { what, values, isDifferent: new Set(values).size > 1 };
  };
  return [
    line("row", (row) => (row === null ? "none" : row.deleted ? "deleted" : "there")),
    ...names.map((name) => line(name, (row) => valueText(row?.fields[name]))),
    ...hidden.map((name) => line(`${name} (hidden)`, (row) => valueText(row?.hidden?.[name]))),
    line("version", (row) => (row === null ? UNKNOWN : String(row.version))),
  ];
}
