/** Load and clocks, process by process: admission, event loop, memory, how far clocks are apart. */
import type { RegionReport } from "../../../protocol/cluster/report.ts";
import { useShown } from "../hooks.ts";
import { bytes, count, duration, milliseconds, offset, shortId, timeOfDay } from "../model/format.ts";
import { SpanSelect } from "../parts/fields.tsx";
import { byRegion, HistoryCharts, type HistoryChart } from "../parts/history-charts.tsx";
import { Mark, Section, Age } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const CHARTS: readonly HistoryChart[] = [
  { title: "Delay of the event loop", name: "event_loop_delay_ms", labelOf: byRegion, format: milliseconds },
  { title: "Clock against this region's", name: "clock_offset_ms", labelOf: byRegion, format: offset },
];

const COLUMNS = [
  { title: "Process" },
  { title: "Admission" },
  { title: "In work", isFigure: true },
  { title: "Event loop late", isFigure: true },
  { title: "Memory", isFigure: true },
  { title: "Started" },
  { title: "Software" },
  { title: "Age" },
];

export function LoadView() {
  return (
    <>
      <Section title="Processes">
        <ProcessTable />
      </Section>
      <Section title="Load over time" tools={<SpanSelect />}>
        <HistoryCharts charts={CHARTS} />
      </Section>
      <Section title="Clocks">
        <ClockTable />
      </Section>
    </>
  );
}

function ProcessTable() {
  const { view } = useShown();
  const rows = view.regions.flatMap(({ region, processes }) =>
    processes.map(({ process, load, started_at: startedAt, software }) => ({
      id: process,
      cells: [
        processes.length > 1 ? `${region} / ${shortId(process)}` : region,
        load.admission === "open" ? (
          <Mark tone="ok">open</Mark>
        ) : (
          <Mark tone="hurt">refuses: {load.admission_reason ?? "overload"}</Mark>
        ),
        count(load.requests_in_flight),
        milliseconds(load.event_loop_delay_ms),
        bytes(load.resident_bytes),
        timeOfDay(startedAt),
        software,
        <Age key="age" region={region} />,
      ],
      tone: load.admission === "open" ? undefined : ("hurt" as const),
    })),
  );
  return <Table caption="Processes" columns={COLUMNS} rows={rows} empty="No process was heard." />;
}

/** Rows measure, columns are measured. */
function ClockTable() {
  const { view } = useShown();
  const columns = [
    { title: "Seen by" },
    ...view.members.map((region) => ({ title: region, isFigure: true })),
  ];
  const rows = view.regions.map(({ region, processes }) => ({
    id: region,
    cells: [region, ...view.members.map((peer) => (peer === region ? "·" : clockText(processes[0], peer)))],
  }));
  return <Table caption="How far each clock is ahead" columns={columns} rows={rows} />;
}

function clockText(process: RegionReport | undefined, peer: string): string {
  const found = process?.peers.find(({ region }) => region === peer);
  if (found === undefined) return "–";
  const heard =
    found.heard_ms !== undefined && found.heard_ms > 2_000 ? ` (${duration(found.heard_ms)} old)` : "";
  return `${offset(found.clock_offset_ms)}${heard}`;
}
