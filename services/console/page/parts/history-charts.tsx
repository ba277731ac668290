/** The region's memory of the last minutes or days, asked for again as often as it has something new. */
import { useMemo } from "preact/hooks";
import type { ClusterHistory } from "../../../protocol/cluster/view.ts";
import { pathOf } from "../api.ts";
import { useFetched, useShown } from "../hooks.ts";
import { chartOf, refreshMs, spanOf } from "../model/history.ts";
import { Chart } from "./chart.tsx";
import { Problem } from "./marks.tsx";

const POINTS = 300;

export interface HistoryChart {
  readonly title: string;
  readonly name: string;
  /** Undefined leaves a series out. */
  readonly labelOf: (series: ClusterHistory["series"][number]) => string | undefined;
  readonly format: (value: number) => string;
}

/** The label of a series that is of a region alone. */
export const byRegion: HistoryChart["labelOf"] = ({ region }) => region;

export function HistoryCharts({ charts }: { readonly charts: readonly HistoryChart[] }) {
  const { route } = useShown();
  const { ms } = spanOf(route.parameters["span"]);
  const path = pathOf(["v1", "cluster", "history"], { span_ms: `${ms}`, points: `${POINTS}` });
  const { answer, error } = useFetched<ClusterHistory>(path, refreshMs(ms, POINTS));
  return (
    <>
      <Problem text={error} />
      <div class="charts">
        {charts.map((chart) => (
          <OneChart key={chart.name} chart={chart} history={answer} />
        ))}
      </div>
    </>
  );
}

function OneChart({
  chart,
  history,
}: {
  readonly chart: HistoryChart;
  readonly history: ClusterHistory | undefined;
}) {
  const { title, name, labelOf, format } = chart;
  const data = useMemo(() => chartOf(history, name, labelOf), [history, name, labelOf]);
  return <Chart title={title} data={data} format={format} />;
}
