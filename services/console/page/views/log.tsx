/** The log: who leads since when, whether it can be reached, and elections on a timeline. */
import { useMemo } from "preact/hooks";
import type { ClusterEvent } from "../../../protocol/cluster/view.ts";
import type { LeadersAnswer } from "../../../protocol/http/leaders.ts";
import type { LogAnswer } from "../../../protocol/http/log.ts";
import { useFetched, useShown } from "../hooks.ts";
import { count, dateAndTime, duration, milliseconds, timeOfDay } from "../model/format.ts";
import { leadersOf, partitionReport } from "../model/regions.ts";
import { byRegionAndPartition } from "../model/labels.ts";
import { SpanSelect } from "../parts/fields.tsx";
import { HistoryCharts } from "../parts/history-charts.tsx";
import { Mark, Nothing, Problem, Section, Since, Age } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";
import { Timeline } from "../parts/timeline.tsx";

const LOOK_EVERY_MS = 10_000;

export function LogView() {
  return (
    <>
      <Section title="Leaders">
        <LeaderTable />
      </Section>
      <Section title="Elections">
        <Elections />
      </Section>
      <Section title="The log in each region">
        <RegionTable />
      </Section>
      <Section title="Over time" tools={<SpanSelect />}>
        <HistoryCharts
          charts={[
            { title: "Term", name: "term", labelOf: byRegionAndPartition, format: count },
            {
              title: "Operations folded per second",
              name: "fold_per_second",
              labelOf: byRegionAndPartition,
              format: count,
            },
          ]}
        />
      </Section>
      <Section title="Health of the log">
        <Health />
      </Section>
    </>
  );
}

function LeaderTable() {
  const { view } = useShown();
  const leaders = leadersOf(view);
  const { answer } = useFetched<LeadersAnswer>("/v1/leader", LOOK_EVERY_MS);
  const columns = [
    { title: "Partition" },
    { title: "Leader" },
    { title: "Term", isFigure: true },
    { title: "Log ends at", isFigure: true },
    { title: "To a majority and back", isFigure: true },
    { title: "Leads since" },
    { title: "Held by hand" },
  ];
  const rows = Array.from({ length: view.partitions }, (_, partition) => {
    const leader = leaders.get(partition);
    const reports = view.regions.flatMap((region) => partitionReport(region, partition) ?? []);
    const told = answer?.partitions.find((one) => one.partition === partition);
    const own = view.regions.find(({ region }) => region === leader);
    const ends = reports.flatMap(({ log_last: last }) => last ?? []);
    const terms = reports.flatMap(({ term }) => term ?? []);
    return {
      id: `${partition}`,
      cells: [
        partition,
        leader ?? <Mark tone="hurt">nobody</Mark>,
        terms.length === 0 ? "–" : count(Math.max(...terms)),
        ends.length === 0 ? "–" : count(Math.max(...ends)),
        milliseconds(own === undefined ? undefined : partitionReport(own, partition)?.quorum_round_trip_ms),
        told?.leader_since_ms === undefined || told.leader !== leader ? (
          "–"
        ) : (
          <Since at={told.leader_since_ms} />
        ),
        told?.hold === undefined ? "–" : `in ${told.hold.leader} for ${duration(told.hold.left_ms)}`,
      ],
      tone: leader === undefined ? ("hurt" as const) : undefined,
    };
  });
  return <Table caption="Leaders by partition" columns={columns} rows={rows} />;
}

const OF_ELECTIONS: readonly ClusterEvent["kind"][] = [
  "leader-changed",
  "leader-lost",
  "breaker-opened",
  "breaker-closed",
];
const EVENTS_SHOWN_MAX = 40;

function Elections() {
  const { view, wallMs } = useShown();
  const events = useMemo(() => view.events.filter(({ kind }) => OF_ELECTIONS.includes(kind)), [view]);
  if (events.length === 0) return <Nothing>None since this process started to look.</Nothing>;
  const rows = events
    .toReversed()
    .slice(0, EVENTS_SHOWN_MAX)
    .map((event, index) => ({
      id: `${event.at} ${event.kind} ${event.partition ?? ""} ${event.region ?? ""} ${index}`,
      cells: [
        <time key="at" dateTime={new Date(event.at).toISOString()}>
          {timeOfDay(event.at)}
        </time>,
        event.partition ?? "–",
        event.text,
      ],
    }));
  return (
    <>
      <Timeline events={events} nowMs={wallMs} />
      <Table
        caption="Elections, newest first"
        columns={[{ title: "At" }, { title: "Partition" }, { title: "What" }]}
        rows={rows}
      />
    </>
  );
}

function RegionTable() {
  const { view } = useShown();
  const columns = [
    { title: "Region" },
    { title: "Breaker" },
    { title: "Own copy behind", isFigure: true },
    { title: "Folded to", isFigure: true },
    { title: "Fold" },
    { title: "Age" },
  ];
  const rows = view.regions.flatMap((region) =>
    Array.from({ length: view.partitions }, (_, partition) => partitionReport(region, partition))
      .filter((report) => report !== undefined)
      .map(({ partition, breaker, replica_lag: behind, applied, fold }) => ({
        id: `${region.region} ${partition}`,
        cells: [
          view.partitions > 1 ? `${region.region} / ${partition}` : region.region,
          <Mark key="breaker" tone={breaker.state === "closed" ? "ok" : "risk"}>
            {breaker.state === "closed" ? "closed" : `${breaker.state} for ${duration(breaker.open_ms)}`}
          </Mark>,
          count(behind),
          count(applied),
          fold === undefined ? "–" : fold.reason === undefined ? fold.state : `${fold.state}: ${fold.reason}`,
          <Age key="age" region={region.region} />,
        ],
        tone: fold?.state === "stopped" ? ("hurt" as const) : undefined,
      })),
  );
  return <Table caption="The log in each region" columns={columns} rows={rows} />;
}

/** Asks every region; only while somebody looks. */
function Health() {
  const { answer, error } = useFetched<LogAnswer>("/v1/log", LOOK_EVERY_MS);
  const columns = [
    { title: "Partition" },
    { title: "State" },
    { title: "Holds" },
    { title: "Made" },
    { title: "A new one would" },
  ];
  const rows = (answer?.partitions ?? []).map(({ partition, log, healthy, problem, refusal, from }) => ({
    id: `${partition}`,
    cells: [
      partition,
      <Mark key="state" tone={healthy ? "ok" : "risk"}>
        {healthy ? "healthy" : (problem ?? "not all regions fold it")}
      </Mark>,
      log === undefined ? "–" : `${count(log.first)} to ${count(log.last)}`,
      log === undefined ? "–" : dateAndTime(log.created_at_ms),
      healthy ? "not be made" : (refusal?.reason ?? `go on from ${from ?? "nobody"}`),
    ],
    tone: healthy ? undefined : ("risk" as const),
  }));
  return (
    <>
      <Problem text={error} />
      <Table caption="Health of the log" columns={columns} rows={rows} empty="Not asked yet." />
    </>
  );
}
