/** Records that differ, region beside region; and what a repair has changed, before beside after. */
import type { DifferingRecordAnswer, RepairAnswer } from "../../../protocol/http/verifications.ts";
import { dateAndTime, listed, shortId } from "../model/format.ts";
import { differenceTable, repairTable, type DifferenceRow } from "../model/differences.ts";
import { Mark } from "./marks.tsx";
import { Table } from "./table.tsx";

const SHOWN_MAX = 20;

export function Differences({ records }: { readonly records: readonly DifferingRecordAnswer[] }) {
  return (
    <ul class="differences">
      {records.slice(0, SHOWN_MAX).map((record) => (
        <li key={`${record.collection} ${record.key}`}>
          <Difference record={record} />
        </li>
      ))}
    </ul>
  );
}

function Difference({ record }: { readonly record: DifferingRecordAnswer }) {
  const { collection, key, proven } = record;
  const { columns, rows } = differenceTable(record);
  return (
    <details open>
      <summary>
        <code>
          {collection} / {key}
        </code>{" "}
        {proven === undefined ? (
          <Mark tone="risk">no clear majority</Mark>
        ) : (
          <span class="soft">
            {listed(proven.regions)} {proven.regions.length === 1 ? "is" : "are"} right: {proven.reason}
          </span>
        )}
      </summary>
      <Comparison caption={`${collection} ${key}, region by region`} columns={columns} rows={rows} />
    </details>
  );
}

export function RepairItem({ repair }: { readonly repair: RepairAnswer }) {
  const { collection, key, reason, log_time_ms: at, repair: id, position } = repair;
  return (
    <li>
      <details>
        <summary>
          <code>
            {collection} / {key}
          </code>{" "}
          <span class="soft">
            {dateAndTime(at)}, {reason}, repair {shortId(id)}, position {position.sequence}
          </span>
        </summary>
        <Comparison
          caption={`${collection} ${key}, before and after`}
          columns={["before", "after"]}
          rows={repairTable(repair)}
        />
      </details>
    </li>
  );
}

interface ComparisonProps {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly DifferenceRow[];
}

function Comparison({ caption, columns, rows }: ComparisonProps) {
  const heads = [{ title: "What" }, ...columns.map((title) => ({ title })), { title: "Differs" }];
  const lines = rows.map(({ what, values, isDifferent }) => ({
    id: what,
    cells: [
      what,
      ...values.map((value, index) => <code key={index}>{value}</code>),
      isDifferent ? (
        <Mark key="differs" tone="risk">
          differs
        </Mark>
      ) : (
        ""
      ),
    ],
    tone: isDifferent ? ("risk" as const) : undefined,
  }));
  return <Table caption={caption} columns={heads} rows={lines} />;
}
