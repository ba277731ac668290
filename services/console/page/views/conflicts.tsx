/** Values that lost against another: what, where, why, and bringing them back. */
import { useMemo, useState } from "preact/hooks";
import type { ConflictAnswer, ConflictListAnswer } from "../../../protocol/http/conflicts.ts";
import type { WriteAnswer } from "../../../protocol/http/answers.ts";
import { pathOf, request } from "../api.ts";
import { replaceParameters, setParameters, useFetched, useOrder, useShown } from "../hooks.ts";
import { dateAndTime, valueText } from "../model/format.ts";
import { linkTo } from "../model/route.ts";
import { ParameterSelect, RegionSelect, TextField } from "../parts/fields.tsx";
import { Mark, OrderButton, Problem, Section } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const LOOK_EVERY_MS = 5_000;
const LIMIT = "50";
const REASONS = ["concurrent", "older", "overflow", "full", "kind", "deleted", "insufficient"];

const COLUMNS = [
  { title: "Record" },
  { title: "Field" },
  { title: "Lost" },
  { title: "Won" },
  { title: "Why" },
  { title: "Log time" },
  { title: "Bring back" },
];

export function ConflictsView() {
  const { route } = useShown();
  const { collection, key, field, reason, region, cursor } = route.parameters;
  const path = pathOf(["v1", "conflicts"], {
    collection,
    // A key goes with the collection that it is of.
    key: collection === undefined ? undefined : key,
    field,
    reason,
    region,
    cursor,
    limit: LIMIT,
  });
  const { answer, error, refresh } = useFetched<ConflictListAnswer>(path, LOOK_EVERY_MS);
  return (
    <>
      <Filters />
      <Section title="Conflicts" tools={<Pages next={answer?.next_cursor} />}>
        <Problem text={error} />
        <ConflictTable
          conflicts={answer?.conflicts ?? []}
          isKnown={answer !== undefined}
          onRestored={refresh}
        />
      </Section>
    </>
  );
}

function Filters() {
  const reasons = ["", ...REASONS].map((value) => ({ value, text: value === "" ? "all" : value }));
  return (
    <div class="filters">
      <ParameterText name="collection" label="Collection" />
      <ParameterText name="key" label="Key" />
      <ParameterText name="field" label="Field" />
      <ParameterSelect name="reason" label="Why" choices={reasons} />
      <RegionSelect name="region" label="Lost from" />
    </div>
  );
}

function ParameterText({ name, label }: { readonly name: string; readonly label: string }) {
  const { route } = useShown();
  return (
    <TextField
      label={label}
      value={route.parameters[name] ?? ""}
      onInput={(value) => replaceParameters({ [name]: value, cursor: "" })}
    />
  );
}

/** Back is the browser's own. */
function Pages({ next }: { readonly next: string | undefined }) {
  const { route } = useShown();
  return (
    <>
      {route.parameters["cursor"] !== undefined && (
        <button type="button" onClick={() => setParameters({ cursor: "" })}>
          Newest
        </button>
      )}
      {next !== undefined && (
        <button type="button" onClick={() => setParameters({ cursor: next })}>
          Older
        </button>
      )}
    </>
  );
}

interface ConflictTableProps {
  readonly conflicts: readonly ConflictAnswer[];
  readonly isKnown: boolean;
  readonly onRestored: () => void;
}

export function ConflictTable({ conflicts, isKnown, onRestored }: ConflictTableProps) {
  const rows = conflicts.map((conflict) => {
    const { id, collection, key, field, entry, loser, winner, reason, log_time_ms: at } = conflict;
    return {
      id,
      cells: [
        <a key="record" href={linkTo("records", { collection, key })}>
          {collection} / {key}
        </a>,
        entry === undefined ? field : `${field} [${entry}]`,
        <Side key="loser" side={loser} />,
        <Side key="winner" side={winner} />,
        reason,
        dateAndTime(at),
        <Restore key="restore" conflict={conflict} onRestored={onRestored} />,
      ],
    };
  });
  return (
    <Table
      caption="Conflicts, newest first"
      columns={COLUMNS}
      rows={rows}
      empty={isKnown ? "None." : "Not known yet."}
    />
  );
}

function Side({ side }: { readonly side: ConflictAnswer["loser"] | ConflictAnswer["winner"] }) {
  return (
    <>
      <code class="value">{valueText(side.value)}</code> <span class="soft">{side.region}</span>
    </>
  );
}

function Restore({
  conflict,
  onRestored,
}: {
  readonly conflict: ConflictAnswer;
  readonly onRestored: () => void;
}) {
  const [tries, setTries] = useState(0);
  // A try whose outcome is unknown is the same order when it is given again.
  const idempotencyKey = useMemo(
    () => crypto.randomUUID?.() ?? `${conflict.id} ${Math.random()}`,
    [conflict.id, tries],
  );
  const path = pathOf(["v1", "conflicts", conflict.id, "restore"]);
  const order = useOrder(
    () => request<WriteAnswer>({ method: "POST", path, idempotencyKey }),
    () => {
      setTries((before) => before + 1);
      onRestored();
    },
  );
  return (
    <>
      <OrderButton
        order={order}
        label="Restore"
        about={`${conflict.field} of ${conflict.collection} ${conflict.key}`}
        question={`Write ${valueText(conflict.loser.value)} again?`}
      />
      {order.answer !== undefined && (
        <span role="status">
          <Mark tone={order.answer.status === "rejected" ? "risk" : "ok"}>{order.answer.status}</Mark>
        </span>
      )}
      <Problem text={order.error} />
    </>
  );
}
