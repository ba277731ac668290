/** Whether the regions hold the same: verdicts, a verification on demand, what differs, and repairs with what they changed. */
import type {
  RepairListAnswer,
  VerificationAnswer,
  VerificationListAnswer,
  VerificationSummary,
} from "../../../protocol/http/verifications.ts";
import { pathOf, request } from "../api.ts";
import { setParameters, useFetched, useOrder, useShown } from "../hooks.ts";
import { count, dateAndTime, listed, shortId, timeOfDay } from "../model/format.ts";
import { partitionReports } from "../model/regions.ts";
import { Differences, RepairItem } from "../parts/differences.tsx";
import { PartitionSelect, usePartition } from "../parts/fields.tsx";
import { Mark, Nothing, OrderButton, Problem, Section, Age, type Tone } from "../parts/marks.tsx";
import { RepairForm } from "../parts/repair-form.tsx";
import { Table } from "../parts/table.tsx";

const LIST_EVERY_MS = 2_000;
const REPAIRS_EVERY_MS = 5_000;
const REPAIRS_MAX = "20";

const VERDICT_TONES: Readonly<Record<string, Tone>> = {
  match: "ok",
  diverged: "hurt",
  unreachable: "risk",
  "schema-mismatch": "risk",
};

export function ReconcilerView() {
  const { route } = useShown();
  const chosen = route.parameters["verification"];
  const verifications = useFetched<VerificationListAnswer>("/v1/verifications?limit=20", LIST_EVERY_MS);
  const onBegun = () => verifications.refresh();
  return (
    <>
      <Section title="Verdicts" tools={<VerifyButton onBegun={onBegun} />}>
        <VerdictTable />
      </Section>
      <Section title="Verifications of this region">
        <Problem text={verifications.error} />
        <VerificationTable verifications={verifications.answer?.verifications ?? []} />
      </Section>
      {chosen !== undefined && <Chosen id={chosen} />}
      <Section title="Repairs in this region">
        <Repairs />
      </Section>
    </>
  );
}

function VerifyButton({ onBegun }: { readonly onBegun: () => void }) {
  const partition = usePartition();
  const order = useOrder(
    () =>
      request<VerificationListAnswer>({
        method: "POST",
        path: "/v1/verify",
        body: partition === undefined ? {} : { partition },
      }),
    ({ verifications }) => {
      onBegun();
      setParameters({ verification: verifications[0]?.id ?? "" });
    },
  );
  return (
    <>
      <PartitionSelect />
      <OrderButton order={order} label="Verify now" />
      <Problem text={order.error} />
    </>
  );
}

function VerdictTable() {
  const { view } = useShown();
  const columns = [
    { title: "Region" },
    { title: "Verdict" },
    { title: "Differing records", isFigure: true },
    { title: "At" },
    { title: "Age" },
  ];
  const rows = view.regions.flatMap((region) =>
    partitionReports(region).flatMap(({ partition, verdict }) => {
      if (verdict === undefined) return [];
      return {
        id: `${region.region} ${partition}`,
        cells: [
          view.partitions > 1 ? `${region.region} / ${partition}` : region.region,
          <Verdict key="verdict" verdict={verdict.verdict} />,
          count(verdict.differing_records),
          dateAndTime(verdict.at),
          <Age key="age" region={region.region} />,
        ],
        tone: verdict.verdict === "diverged" ? ("hurt" as const) : undefined,
      };
    }),
  );
  return (
    <Table
      caption="Newest verdicts, by the region that asked"
      columns={columns}
      rows={rows}
      empty="No verdict yet."
    />
  );
}

function Verdict({ verdict }: { readonly verdict: string | undefined }) {
  if (verdict === undefined) return <Mark tone="off">not ended</Mark>;
  return <Mark tone={VERDICT_TONES[verdict] ?? "note"}>{verdict}</Mark>;
}

function VerificationTable({ verifications }: { readonly verifications: readonly VerificationSummary[] }) {
  const columns = [
    { title: "Verification" },
    { title: "Partition", isFigure: true },
    { title: "Begun" },
    { title: "Verdict" },
    { title: "Records", isFigure: true },
    { title: "Reason" },
  ];
  const rows = verifications.map(
    ({ id, partition, started_at_ms: at, phase, verdict, differences, reason }) => ({
      id,
      cells: [
        <button key="show" type="button" class="link" onClick={() => setParameters({ verification: id })}>
          {shortId(id)}
        </button>,
        partition,
        timeOfDay(at),
        verdict === undefined ? <Mark tone="off">{phase}</Mark> : <Verdict verdict={verdict} />,
        count(differences.records),
        reason ?? "–",
      ],
      tone: verdict === "diverged" ? ("hurt" as const) : undefined,
    }),
  );
  return (
    <Table
      caption="Verifications of this region, newest first"
      columns={columns}
      rows={rows}
      empty="None yet."
    />
  );
}

function Chosen({ id }: { readonly id: string }) {
  const { answer, error } = useFetched<VerificationAnswer>(
    pathOf(["v1", "verifications", id]),
    LIST_EVERY_MS,
  );
  const close = (
    <button type="button" onClick={() => setParameters({ verification: "" })}>
      Close
    </button>
  );
  return (
    <Section title={`Verification ${shortId(id)}`} tools={close}>
      <Problem text={error} />
      {answer !== undefined && <Findings verification={answer} />}
    </Section>
  );
}

function Findings({ verification }: { readonly verification: VerificationAnswer }) {
  const { verdict, reason, phase, position, differences, regions, partition } = verification;
  const compared = regions.flatMap(({ region, problem }) => (problem === undefined ? region : []));
  return (
    <>
      <p>
        {verdict === undefined ? <Mark tone="off">{phase}</Mark> : <Verdict verdict={verdict} />}{" "}
        {reason ?? "It has not ended yet."}
      </p>
      <p class="soft">
        Partition {partition}
        {position !== undefined && `, position ${count(position)}`}
        {compared.length > 0 && `, compared: ${listed(compared)}`}.
      </p>
      {differences.rest.length > 0 && <p>Besides records: {listed(differences.rest)}.</p>}
      {differences.records > 0 && (
        <>
          <Differences records={differences.sample} />
          <RepairForm verification={verification} />
        </>
      )}
    </>
  );
}

function Repairs() {
  const path = pathOf(["v1", "repairs"], { limit: REPAIRS_MAX });
  const { answer, error } = useFetched<RepairListAnswer>(path, REPAIRS_EVERY_MS);
  const repairs = answer?.repairs ?? [];
  return (
    <>
      <Problem text={error} />
      {answer !== undefined && repairs.length === 0 && (
        <Nothing>Nothing was repaired in this region.</Nothing>
      )}
      <ul class="repairs">
        {repairs.map((repair) => (
          <RepairItem key={`${repair.repair} ${repair.collection} ${repair.key}`} repair={repair} />
        ))}
      </ul>
      {answer?.next_cursor !== undefined && <Nothing>There are more; the API lists them all.</Nothing>}
    </>
  );
}
