/** One record: what this region shows, what the log has, what is pending between them, and what was lost or repaired. */
import type { RecordAnswer } from "../../../protocol/http/answers.ts";
import type { ConflictListAnswer } from "../../../protocol/http/conflicts.ts";
import type { RepairListAnswer } from "../../../protocol/http/verifications.ts";
import { pathOf } from "../api.ts";
import { useFetched } from "../hooks.ts";
import { count, plural, valueText } from "../model/format.ts";
import { ConflictTable } from "../views/conflicts.tsx";
import { LogHistory } from "./log-history.tsx";
import { RepairItem } from "./differences.tsx";
import { Mark, Nothing, Problem, Section } from "./marks.tsx";
import { Table } from "./table.tsx";

const VIEW_EVERY_MS = 2_000;
/** Each look is an entry in the log. */
const COMMITTED_EVERY_MS = 10_000;

export function OneRecord({ collection, name }: { readonly collection: string; readonly name: string }) {
  const parts = ["v1", "collections", collection, "records", name];
  const view = useFetched<RecordAnswer>(pathOf(parts), VIEW_EVERY_MS);
  const committed = useFetched<RecordAnswer>(
    pathOf(parts, { consistency: "linearizable" }),
    COMMITTED_EVERY_MS,
  );
  return (
    <>
      <Section title={`Record ${collection} / ${name}`}>
        <Problem text={view.error} />
        {committed.error !== view.error && (
          <Problem text={committed.error && `What the log has: ${committed.error}`} />
        )}
        {view.answer !== undefined && <Pending record={view.answer} />}
        <FieldTable view={view.answer} committed={committed.answer} />
      </Section>
      <Section title="Its history in the log">
        <LogHistory collection={collection} name={name} />
      </Section>
      <Section title="What it lost, and repairs">
        <Losses collection={collection} name={name} />
      </Section>
    </>
  );
}

function Pending({ record }: { readonly record: RecordAnswer }) {
  const { pending, as_of: asOf, version } = record;
  return (
    <p>
      {pending === 0 ? (
        <Mark tone="ok">nothing pending</Mark>
      ) : (
        <Mark tone="note">{plural(pending, "operation")} of this region pending</Mark>
      )}{" "}
      <span class="soft">
        as of partition {asOf.partition}, position {count(asOf.sequence)}, version {version}
      </span>
    </p>
  );
}

interface FieldTableProps {
  readonly view: RecordAnswer | undefined;
  readonly committed: RecordAnswer | undefined;
}

function FieldTable({ view, committed }: FieldTableProps) {
  const names = [
    ...new Set([...Object.keys(view?.fields ?? {}), ...Object.keys(committed?.fields ?? {})]),
  ].sort();
  const rows = names.map((name) => {
    const shown = valueText(view?.fields[name]);
    const ordered = committed === undefined ? "not known" : valueText(committed.fields[name]);
    const isPending = committed !== undefined && shown !== ordered;
    return {
      id: name,
      cells: [
        name,
        <code key="view" class="value">
          {shown}
        </code>,
        <code key="committed" class="value">
          {ordered}
        </code>,
        isPending ? <Mark tone="note">differs</Mark> : "",
      ],
    };
  });
  const columns = [
    { title: "Field" },
    { title: "This region shows" },
    { title: "The log has" },
    { title: "Pending" },
  ];
  return <Table caption="Fields" columns={columns} rows={rows} empty="No fields." />;
}

/** As far as it is kept: what lost, and what repairs have changed. */
function Losses({ collection, name }: { readonly collection: string; readonly name: string }) {
  const query = { collection, key: name, limit: "20" };
  const conflicts = useFetched<ConflictListAnswer>(pathOf(["v1", "conflicts"], query), COMMITTED_EVERY_MS);
  const repairs = useFetched<RepairListAnswer>(pathOf(["v1", "repairs"], query), COMMITTED_EVERY_MS);
  const found = repairs.answer?.repairs ?? [];
  return (
    <>
      <h3>Values that lost</h3>
      <Problem text={conflicts.error} />
      <ConflictTable
        conflicts={conflicts.answer?.conflicts ?? []}
        isKnown={conflicts.answer !== undefined}
        onRestored={conflicts.refresh}
      />
      <h3>Repairs in this region</h3>
      <Problem text={repairs.error} />
      {found.length === 0 && <Nothing>None.</Nothing>}
      <ul class="repairs">
        {found.map((repair) => (
          <RepairItem key={repair.repair} repair={repair} />
        ))}
      </ul>
    </>
  );
}
