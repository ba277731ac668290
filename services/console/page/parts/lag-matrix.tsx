/** Origins down, regions across: how far each region is behind each origin, and in which stage the rest waits. */
import type { LagView } from "../../../protocol/cluster/view.ts";
import { useShown } from "../hooks.ts";
import { count, duration } from "../model/format.ts";
import { isQuiet, lagMatrix, type LagCell } from "../model/lag.ts";
import { linkTo } from "../model/route.ts";
import { Table } from "./table.tsx";

export function LagMatrix({ lags }: { readonly lags: readonly LagView[] }) {
  const { view } = useShown();
  const matrix = lagMatrix(lags);
  const columns = [
    { title: "origin" },
    ...view.members.map((region) => ({ title: `in ${region}`, isFigure: true })),
  ];
  const rows = view.members.map((origin) => ({
    id: origin,
    cells: [
      <>of {origin}</>,
      ...view.members.map((region) => (
        <Cell key={region} cell={matrix.get(origin)?.get(region)} isOwn={region === origin} />
      )),
    ],
  }));
  return <Table caption="Lag from each origin to each region" columns={columns} rows={rows} />;
}

function Cell({ cell, isOwn }: { readonly cell: LagCell | undefined; readonly isOwn: boolean }) {
  if (cell === undefined) return <span class="soft">{isOwn ? "–" : "unknown"}</span>;
  const { origin, region, operations, worst } = cell;
  const isStill = operations === 0 && worst.reason === "nothing";
  const tone = isQuiet(worst) ? "quiet" : "loud";
  const text = worst.stage === "unknown" ? "unknown" : isStill ? "0" : duration(worst.age_ms);
  const stage = isStill || worst.stage === "none" ? "" : worst.stage;
  return (
    <a class={`lag-cell ${tone}`} href={linkTo("lag", { origin, region })} title={worst.text}>
      <b>{text}</b>
      {operations > 0 && <span>{count(operations)} op</span>}
      {stage !== "" && stage !== "unknown" && <span>{stage}</span>}
      {tone === "loud" && <span class="hidden">, {worst.text}</span>}
    </a>
  );
}
