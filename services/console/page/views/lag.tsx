/** Lag explained: pair by pair in which stage it waits, for what, why, and since when; and how it went over time. */
import { useCallback } from "preact/hooks";
import type { LagView as Lag } from "../../../protocol/cluster/view.ts";
import { useShown } from "../hooks.ts";
import { count, duration, plural, shortId } from "../model/format.ts";
import { filterLags, isQuiet, worstLags } from "../model/lag.ts";
import { linkTo } from "../model/route.ts";
import { PartitionSelect, RegionSelect, SpanSelect, usePartition } from "../parts/fields.tsx";
import { HistoryCharts, type HistoryChart } from "../parts/history-charts.tsx";
import { LagMatrix } from "../parts/lag-matrix.tsx";
import { Mark, Nothing, Section, Since } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const SHOWN_MAX = 60;

export function LagView() {
  const { view, route } = useShown();
  const { origin, region } = route.parameters;
  const partition = usePartition();
  const lags = filterLags(view.lags, { origin, region, partition });
  const waiting = worstLags(lags);
  const loud = waiting.filter((lag) => !isQuiet(lag));
  const quiet = waiting.filter(isQuiet);
  return (
    <>
      <div class="filters">
        <RegionSelect name="origin" label="Origin" />
        <RegionSelect name="region" label="Region" />
        <PartitionSelect />
      </div>
      <Section title="What waits, and for what">
        {waiting.length === 0 && (
          <Nothing>
            {lags.length > 0 || view.members.length < 2
              ? "Every region shows all that its origins have accepted."
              : "What they show of each other is unknown."}
          </Nothing>
        )}
        <ul class="waits">
          {loud.slice(0, SHOWN_MAX).map((lag) => (
            <Wait key={`${lag.partition} ${lag.origin} ${lag.region}`} lag={lag} />
          ))}
        </ul>
        <More of={loud.length} />
        {waiting.length > 0 && loud.length === 0 && <Nothing>What is on its way comes by itself.</Nothing>}
      </Section>
      {quiet.length > 0 && (
        <Section title="On its way">
          <QuietTable lags={quiet.slice(0, SHOWN_MAX)} />
          <More of={quiet.length} />
        </Section>
      )}
      <Section title="Lag over time" tools={<SpanSelect />}>
        <LagCharts origin={origin} region={region} />
      </Section>
      <Section title="All pairs">
        <LagMatrix lags={filterLags(view.lags, { partition })} />
      </Section>
    </>
  );
}

function More({ of }: { readonly of: number }) {
  if (of <= SHOWN_MAX) return null;
  return <Nothing>{plural(of - SHOWN_MAX, "more pair")}: choose an origin, a region or a partition.</Nothing>;
}

function QuietTable({ lags }: { readonly lags: readonly Lag[] }) {
  const { view } = useShown();
  const columns = [
    { title: "Pair" },
    { title: "Operations", isFigure: true },
    { title: "Oldest", isFigure: true },
    { title: "Stage" },
    { title: "Why" },
  ];
  const rows = lags.map(({ origin, region, partition, operations, age_ms: ageMs, stage, text }) => ({
    id: `${partition} ${origin} ${region}`,
    cells: [
      view.partitions > 1 ? `${origin} → ${region} / ${partition}` : `${origin} → ${region}`,
      count(operations),
      duration(ageMs),
      stage,
      text,
    ],
  }));
  return <Table caption="Pairs that wait for nothing in particular" columns={columns} rows={rows} />;
}

function Wait({ lag }: { readonly lag: Lag }) {
  const { view } = useShown();
  const { origin, region, partition, operations, stage, text, waits_for: waitsFor } = lag;
  return (
    <li class={`wait${isQuiet(lag) ? "" : " loud"}`}>
      <p class="what">
        <strong>
          {origin} → {region}
        </strong>
        {view.partitions > 1 && <span class="soft"> partition {partition}</span>}{" "}
        <Mark tone={isQuiet(lag) ? "note" : "risk"}>{stage === "unknown" ? "unknown" : `in ${stage}`}</Mark>{" "}
        <span class="figures">
          {operations === 0 ? "" : `${plural(operations, "operation")}, oldest ${duration(lag.age_ms)}`}
        </span>
      </p>
      <p>{text}</p>
      <Stages lag={lag} />
      <p class="soft">
        {waitsFor !== undefined && (
          <>
            Waits for {waitsFor.kind}{" "}
            {waitsFor.kind === "operation" ? (
              <a href={linkTo("records", { operation: waitsFor.id })}>{shortId(waitsFor.id)}</a>
            ) : (
              waitsFor.id
            )}
            {" · "}
          </>
        )}
        <Since at={lag.since} />
      </p>
    </li>
  );
}

/** Drawn to scale, and told in figures. */
function Stages({ lag }: { readonly lag: Lag }) {
  const stages = [
    { name: "buffer", value: lag.in_buffer },
    { name: "log", value: lag.in_log },
    { name: "fold", value: lag.in_fold },
  ];
  if (stages.every(({ value }) => value === 0)) return null;
  return (
    <ul class="stages">
      {stages.map(({ name, value }) => (
        <li key={name} class={`stage stage-${name}`} style={{ flexGrow: Math.max(value, 0.001) }}>
          <span>
            {name} {count(value)}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Of one origin a line per region; otherwise of one region, the viewer's unless one is chosen, a line per origin. */
function LagCharts({
  origin,
  region,
}: {
  readonly origin: string | undefined;
  readonly region: string | undefined;
}) {
  const { view } = useShown();
  const here = region ?? view.viewer.region;
  const labelOf: HistoryChart["labelOf"] = useCallback(
    (series) => {
      if (series.partition !== undefined) return undefined;
      if (origin === undefined) return series.region === here ? `of ${series.origin}` : undefined;
      const isChosen = series.origin === origin && (region === undefined || series.region === region);
      return isChosen ? `in ${series.region}` : undefined;
    },
    [origin, region, here],
  );
  const title =
    origin === undefined
      ? `Lag in ${here}, by origin`
      : `Lag of ${origin}${region === undefined ? ", by region" : ` in ${region}`}`;
  return <HistoryCharts charts={[{ title, name: "lag_ms", labelOf, format: duration }]} />;
}
