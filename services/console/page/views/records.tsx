/** The records browser: a listing, one record as this region shows it and as the log has it, and what became of a write. */
import { useState } from "preact/hooks";
import type { CollectionListAnswer, RecordListAnswer } from "../../../protocol/http/answers.ts";
import { pathOf } from "../api.ts";
import { replaceParameters, setParameters, useFetched, useShown } from "../hooks.ts";
import { count, valueText } from "../model/format.ts";
import { linkTo } from "../model/route.ts";
import { OneRecord } from "../parts/one-record.tsx";
import { OneOperation } from "../parts/one-operation.tsx";
import { ParameterSelect, TextField } from "../parts/fields.tsx";
import { Mark, Nothing, Problem, Section } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const LIMIT = "50";
const LOOK_EVERY_MS = 5_000;
const SHOWN_LENGTH_MAX = 120;

export function RecordsView() {
  const { route } = useShown();
  const { collection, key, operation } = route.parameters;
  const collections = useFetched<CollectionListAnswer>("/v1/collections", 0);
  const names = (collections.answer?.collections ?? []).map(({ name }) => name);
  const known = collection === undefined || names.includes(collection) ? names : [...names, collection];
  const choices = [{ value: "", text: "choose one" }, ...known.map((name) => ({ value: name, text: name }))];
  return (
    <>
      <div class="filters">
        <ParameterSelect name="collection" label="Collection" choices={choices} />
        <Lookup name="key" label="Key" />
        <Lookup name="operation" label="Operation" />
      </div>
      <Problem text={collections.error} />
      {operation !== undefined && <OneOperation id={operation} />}
      {collection !== undefined && key !== undefined && <OneRecord collection={collection} name={key} />}
      {collection === undefined ? (
        <Nothing>
          {collections.answer !== undefined && names.length === 0
            ? "There is no collection yet."
            : "Choose a collection."}
        </Nothing>
      ) : (
        <Listing key={collection} collection={collection} />
      )}
    </>
  );
}

/** What is typed counts once it is sent: no request per letter. */
function Lookup({ name, label }: { readonly name: string; readonly label: string }) {
  const { route } = useShown();
  const given = route.parameters[name] ?? "";
  const [typed, setTyped] = useState<string>();
  const submit = (event: Event) => {
    event.preventDefault();
    setParameters({ [name]: typed ?? given });
    setTyped(undefined);
  };
  return (
    <form class="lookup" onSubmit={submit}>
      <TextField label={label} value={typed ?? given} onInput={setTyped} />
      <button type="submit" aria-label={`Look ${label.toLowerCase()} up`}>
        Look up
      </button>
    </form>
  );
}

function Listing({ collection }: { readonly collection: string }) {
  const { route } = useShown();
  const { prefix, cursor } = route.parameters;
  const path = pathOf(["v1", "collections", collection, "records"], { prefix, cursor, limit: LIMIT });
  const { answer, error } = useFetched<RecordListAnswer>(path, LOOK_EVERY_MS);
  const columns = [{ title: "Key" }, { title: "Pending", isFigure: true }, { title: "Fields" }];
  const rows = (answer?.records ?? []).map(({ key, pending, fields }) => ({
    id: key,
    cells: [
      <a key="key" href={linkTo("records", { collection, key })}>
        {key}
      </a>,
      pending === 0 ? "–" : <Mark tone="note">{count(pending)}</Mark>,
      <code key="fields" class="value">
        {shortened(valueText(fields))}
      </code>,
    ],
  }));
  const tools = (
    <>
      <TextField
        label="Keys that begin with"
        value={prefix ?? ""}
        onInput={(text) => replaceParameters({ prefix: text, cursor: "" })}
      />
      {cursor !== undefined && (
        <button type="button" onClick={() => setParameters({ cursor: "" })}>
          From the start
        </button>
      )}
      {answer?.next_cursor !== undefined && (
        <button type="button" onClick={() => setParameters({ cursor: answer.next_cursor ?? "" })}>
          Further
        </button>
      )}
    </>
  );
  return (
    <Section title={`Records of ${collection}`} tools={tools}>
      <Problem text={error} />
      <Table
        caption={`Records of ${collection}`}
        columns={columns}
        rows={rows}
        empty={answer === undefined ? "Not known yet." : "None."}
      />
    </Section>
  );
}

function shortened(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}
