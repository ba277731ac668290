/** How requests were answered: by class and outcome, as rates, in every region. */
import { useShown } from "../hooks.ts";
import { count, rate } from "../model/format.ts";
import { BAD_OUTCOMES, outcomeRates } from "../model/rates.ts";
import { SpanSelect } from "../parts/fields.tsx";
import { byRegion, HistoryCharts, type HistoryChart } from "../parts/history-charts.tsx";
import { Mark, Section, Age } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const CHARTS: readonly HistoryChart[] = [
  { title: "Local writes accepted", name: "accepted_per_second", labelOf: byRegion, format: rate },
  { title: "Writes decided by the log", name: "decided_per_second", labelOf: byRegion, format: rate },
  { title: "Requests refused", name: "refused_per_second", labelOf: byRegion, format: rate },
];

const COLUMNS = [
  { title: "Region" },
  { title: "Class" },
  { title: "Outcome" },
  { title: "Now", isFigure: true },
  { title: "Since its start", isFigure: true },
  { title: "Age" },
];

const CLASS_WORDS = { local: "local write", decided: "write that the log decides", read: "read" } as const;

export function WritesView() {
  const { view, state } = useShown();
  const rows = view.regions.flatMap(({ region }) =>
    outcomeRates(state.samples, region).map(({ class: kind, outcome, count: total, perSecond }) => {
      const isBad = BAD_OUTCOMES.includes(outcome) && (perSecond ?? 0) > 0;
      return {
        id: `${region} ${kind} ${outcome}`,
        cells: [
          region,
          CLASS_WORDS[kind],
          isBad ? (
            <Mark key="outcome" tone="risk">
              {outcome}
            </Mark>
          ) : (
            outcome
          ),
          rate(perSecond),
          count(total),
          <Age key="age" region={region} />,
        ],
        tone: isBad ? ("risk" as const) : undefined,
      };
    }),
  );
  return (
    <>
      <Section title="Outcomes">
        <Table
          caption="Outcomes by region and class"
          columns={COLUMNS}
          rows={rows}
          empty="No requests yet."
        />
      </Section>
      <Section title="Rates over time" tools={<SpanSelect />}>
        <HistoryCharts charts={CHARTS} />
      </Section>
    </>
  );
}
