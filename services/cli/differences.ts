/** Records that differ, as people read them: field by field, group of regions by group. */
import type { DifferingRecordAnswer, RowAnswer } from "../protocol/http/verifications.ts";
import { formatTable } from "./table.ts";

/** Longer values are cut; `--json` has all of them. */
const VALUE_LENGTH_MAX = 40;
const NOTHING = "–";

export function formatDifferences(record: DifferingRecordAnswer): string {
  const { groups, proven } = record;
  const rows = groups.map(([region]) => record.rows[region!] ?? null);
  const table = formatTable(
    ["", ...groups.map((regions) => headingOf(regions, proven))],
    linesOf(record, rows).map((what) => [`  ${labelOf(what)}`, ...rows.map((row) => partOf(row, what))]),
  );
  const verdict =
    proven === undefined ? "not proven, neither by a majority nor by the log" : `right: ${proven.reason}`;
  return `\n${recordName(record)}: ${verdict}\n${table}`;
}

export function recordName({ collection, key }: { collection: string; key: string }): string {
  // Keys of the cluster's own records have line feeds.
  return `${collection}/${cut(key.replaceAll("\n", " "))}`;
}

/** What was changed, in one line: each part before and after. */
export function formatChange(change: {
  readonly before: RowAnswer | null;
  readonly after: RowAnswer | null;
  readonly differs: readonly string[];
}): string {
  const { before, after, differs } = change;
  const parts = differs.map((what) => `${labelOf(what)}: ${partOf(before, what)} → ${partOf(after, what)}`);
  return parts.length === 0 ? "nothing that shows" : parts.join("; ");
}

function headingOf(regions: readonly string[], proven: DifferingRecordAnswer["proven"]): string {
  const names = regions.join(", ");
  return proven?.regions.some((region) => regions.includes(region)) === true ? `${names} (right)` : names;
}

/** Where a row is missing, all of the others says what is missing. */
function linesOf({ differs }: DifferingRecordAnswer, rows: readonly (RowAnswer | null)[]): string[] {
  if (!differs.includes("row")) return [...differs];
  const fields = rows.flatMap((row) => Object.keys(row?.fields ?? {})).map((name) => `fields.${name}`);
  return [...new Set(["row", ...fields, ...differs])];
}

function labelOf(what: string): string {
  if (what.startsWith("fields.")) return what.slice("fields.".length);
  return what.startsWith("state.") ? `${what.slice("state.".length)} (hidden)` : `[${what}]`;
}

function partOf(row: RowAnswer | null, what: string): string {
  if (what === "row") return row === null ? "none" : `version ${row.version}`;
  if (row === null) return NOTHING;
  const name = what.slice(what.indexOf(".") + 1);
  if (what.startsWith("fields.")) return valueOf(row.fields, name);
  if (what.startsWith("state.")) return valueOf(row.hidden ?? {}, name);
  return valueOf(row, what);
}

function valueOf(values: object, name: string): string {
  if (!Object.hasOwn(values, name)) return NOTHING;
  return cut(JSON.stringify((values as { readonly [name: string]: unknown })[name]) ?? "");
}

function cut(text: string): string {
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX - 1)}…` : text;
}
