/** The write-ahead buffers: what each region has accepted and the others can't have yet. */
import { useShown } from "../hooks.ts";
import { bytes, count, duration, shortId } from "../model/format.ts";
import { partitionReports } from "../model/regions.ts";
import { linkTo } from "../model/route.ts";
import { PartitionSelect, SpanSelect, usePartition } from "../parts/fields.tsx";
import { byRegion, HistoryCharts, type HistoryChart } from "../parts/history-charts.tsx";
import { Mark, Section, Age } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const CHARTS: readonly HistoryChart[] = [
  { title: "Rows in the buffer", name: "pending_rows", labelOf: byRegion, format: count },
  { title: "Age of the oldest row", name: "oldest_age_ms", labelOf: byRegion, format: duration },
];

const COLUMNS = [
  { title: "Region" },
  { title: "Rows", isFigure: true },
  { title: "Bytes", isFigure: true },
  { title: "Oldest", isFigure: true },
  { title: "Oldest operation" },
  { title: "Relay" },
  { title: "Breaker" },
  { title: "Age" },
];

export function BuffersView() {
  return (
    <>
      <Section title="Buffers by region" tools={<PartitionSelect />}>
        <BufferTable />
      </Section>
      <Section title="Buffers over time" tools={<SpanSelect />}>
        <HistoryCharts charts={CHARTS} />
      </Section>
    </>
  );
}

function BufferTable() {
  const { view } = useShown();
  const partition = usePartition();
  const rows = view.regions.flatMap((region) =>
    partitionReports(region, partition).map((report) => {
      const { wal, relay, breaker } = report;
      const operation = wal.oldest_operation;
      const name = view.partitions > 1 ? `${region.region} / ${report.partition}` : region.region;
      return {
        id: `${region.region} ${report.partition}`,
        cells: [
          name,
          count(wal.pending_rows),
          bytes(wal.pending_bytes),
          wal.pending_rows === 0 ? "–" : duration(wal.oldest_age_ms),
          operation === undefined ? "–" : <a href={linkTo("records", { operation })}>{shortId(operation)}</a>,
          wal.trouble ?? relayText(relay),
          breaker.state === "closed" ? (
            <Mark tone="ok">closed</Mark>
          ) : (
            <Mark tone="risk">
              {breaker.state} for {duration(breaker.open_ms)}
              {breaker.reason === undefined ? "" : `, ${breaker.reason}`}
            </Mark>
          ),
          <Age key="age" region={region.region} />,
        ],
        tone: wal.trouble === undefined ? undefined : ("hurt" as const),
      };
    }),
  );
  return <Table caption="Buffers by region" columns={COLUMNS} rows={rows} />;
}

function relayText(relay: { in_flight: number; window: number; is_in_doubt: boolean } | undefined): string {
  if (relay === undefined) return "no process relays";
  const way = `${relay.in_flight} of ${relay.window} on their way`;
  return relay.is_in_doubt ? `in doubt, ${way}` : way;
}
