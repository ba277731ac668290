/** What the log has of a record, newest first; further back on demand, since each page reads the log. */
import { useEffect, useState } from "preact/hooks";
import type { HistoryAnswer } from "../../../protocol/http/history.ts";
import { pathOf, request } from "../api.ts";
import { setParameters } from "../hooks.ts";
import { count, dateAndTime, shortId, valueText } from "../model/format.ts";
import { Mark, Problem, type Tone } from "./marks.tsx";
import { Table } from "./table.tsx";

type Entry = HistoryAnswer["entries"][number];

const TONES: Readonly<Record<NonNullable<Entry["status"]>, Tone>> = {
  committed: "ok",
  superseded: "note",
  rejected: "risk",
};

const COLUMNS = [
  { title: "Position" },
  { title: "When" },
  { title: "Through" },
  { title: "What" },
  { title: "Came to" },
];

export function LogHistory({ collection, name }: { readonly collection: string; readonly name: string }) {
  const [pages, setPages] = useState<readonly HistoryAnswer[]>([]);
  const [error, setError] = useState<string | undefined>();
  const [isReading, setReading] = useState(false);
  const look = async (before: number | undefined, known: readonly HistoryAnswer[]) => {
    setReading(true);
    try {
      const query = before === undefined ? {} : { before: String(before) };
      const parts = ["v1", "collections", collection, "records", name, "history"];
      setPages([...known, await request<HistoryAnswer>({ method: "GET", path: pathOf(parts, query) })]);
      setError(undefined);
    } catch (problem) {
      setError((problem as Error).message);
    } finally {
      setReading(false);
    }
  };
  useEffect(() => {
    setPages([]);
    void look(undefined, []);
  }, [collection, name]);
  const next = pages.at(-1)?.next_before;
  return (
    <>
      <Problem text={error} />
      <Table
        caption="Writes in the log, newest first"
        columns={COLUMNS}
        rows={pages.flatMap(({ entries }) => entries).map(rowOf)}
        empty={isReading ? "Reading the log…" : "Nothing in what was read."}
      />
      <p class="soft">
        {pages.length > 0 && <>Read back to position {count(pages.at(-1)!.looked_at.from)}. </>}
        {next !== undefined && (
          <button type="button" disabled={isReading} onClick={() => void look(next, pages)}>
            {isReading ? "Reading…" : "Look further back"}
          </button>
        )}
        <button type="button" disabled={isReading} onClick={() => void look(undefined, [])}>
          Read again
        </button>
      </p>
    </>
  );
}

function rowOf(entry: Entry, index: number) {
  const { position, stored_at_ms: storedAtMs, region, operation, status, reason } = entry;
  return {
    id: `${position} ${index}`,
    cells: [
      count(position),
      dateAndTime(storedAtMs),
      region,
      <>
        {whatOf(entry)}
        {operation !== undefined && (
          <>
            {" "}
            <button type="button" class="link" onClick={() => setParameters({ operation })}>
              {shortId(operation)}
            </button>
          </>
        )}
      </>,
      status === undefined ? (
        ""
      ) : (
        <>
          <Mark tone={TONES[status]}>{status}</Mark> {reason}
        </>
      ),
    ],
  };
}

function whatOf({ kind, action, changes }: Entry): string {
  const by = kind === "decided" ? "decided by the log" : kind === "local" ? "accepted by its region" : kind;
  const what = changes.map(({ field, operator, argument }) => `${operator} ${field} ${valueText(argument)}`);
  return `${what.length === 0 ? action : what.join(", ")} (${by})`;
}
