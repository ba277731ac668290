/** Who takes part: membership, versions, drains, and moving the log's leader. */
import { useState } from "preact/hooks";
import type { MoveLeaderAnswer } from "../../../protocol/http/leaders.ts";
import type { MembersAnswer } from "../../../protocol/http/members.ts";
import type { StatusAnswer } from "../../../protocol/http/status.ts";
import { request } from "../api.ts";
import { useFetched, useOrder, useShown } from "../hooks.ts";
import { count, dateAndTime, duration, listed, shortId } from "../model/format.ts";
import { conditionOf, CONDITION_WORDS } from "../model/regions.ts";
import { Select } from "../parts/fields.tsx";
import { Mark, OrderButton, Problem, Section, Since, Age, type Tone } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const LOOK_EVERY_MS = 5_000;

export function MembersView() {
  return (
    <>
      <Section title="Regions">
        <RegionTable />
      </Section>
      <Section title="Members by partition">
        <MemberTable />
      </Section>
      <Section title="Out of service">
        <Drain />
      </Section>
      <Section title="Move the leader">
        <MoveLeader />
      </Section>
    </>
  );
}

const TONES: Readonly<Record<ReturnType<typeof conditionOf>, Tone>> = {
  well: "ok",
  unready: "hurt",
  draining: "note",
  silent: "risk",
  unheard: "off",
};

function RegionTable() {
  const { view } = useShown();
  const columns = [
    { title: "Region" },
    { title: "State" },
    { title: "Processes" },
    { title: "Software" },
    { title: "Started" },
    { title: "Heard by" },
    { title: "Age" },
  ];
  const rows = view.regions.map((region) => {
    const { processes, heard_by: heardBy } = region;
    const condition = conditionOf(region);
    const drainedSince = processes.find(({ draining_since: since }) => since !== undefined)?.draining_since;
    return {
      id: region.region,
      cells: [
        region.region,
        <>
          <Mark tone={TONES[condition]}>{CONDITION_WORDS[condition]}</Mark>{" "}
          {drainedSince !== undefined && <Since at={drainedSince} />}
        </>,
        processes.map(({ process }) => shortId(process)).join(", ") || "–",
        [...new Set(processes.map(({ software }) => software))].join(", ") || "–",
        processes[0] === undefined ? "–" : dateAndTime(processes[0].started_at),
        heardBy.length === 0 ? "nobody else" : listed(heardBy),
        <Age key="age" region={region.region} />,
      ],
    };
  });
  return <Table caption="Regions" columns={columns} rows={rows} />;
}

function MemberTable() {
  const { answer, error } = useFetched<MembersAnswer>("/v1/members", LOOK_EVERY_MS);
  const columns = [
    { title: "Partition" },
    { title: "Member" },
    { title: "Folded to", isFigure: true },
    { title: "Behind", isFigure: true },
    { title: "Rows not in the log", isFigure: true },
    { title: "Silent in the log", isFigure: true },
    { title: "Joined" },
  ];
  const rows = (answer?.partitions ?? []).flatMap(({ partition, members, departed }) => [
    ...members.map((member) => ({
      id: `${partition} ${member.region}`,
      cells: [
        partition,
        member.region,
        count(member.applied_position),
        count(member.lag_entries),
        count(member.unshipped_rows),
        member.silent_ms === undefined ? "–" : duration(member.silent_ms),
        member.joining === true ? "joining" : (member.joined ?? "from the start"),
      ],
    })),
    ...departed.map((region) => ({
      id: `${partition} ${region} gone`,
      cells: [partition, region, "–", "–", "–", "–", "was removed"],
    })),
  ]);
  return (
    <>
      <Problem text={error} />
      <Table
        caption="Members by partition, as this region has folded it"
        columns={columns}
        rows={rows}
        empty="Not known yet."
      />
    </>
  );
}

/** An order goes to the region that serves the page; others have consoles of their own. */
function Drain() {
  const { view } = useShown();
  const here = view.viewer.region;
  const isDrained = view.regions
    .find(({ region }) => region === here)
    ?.processes.some(({ draining_since: since }) => since !== undefined);
  const drain = useOrder(() => request<StatusAnswer>({ method: "POST", path: "/v1/drain", body: {} }));
  const undrain = useOrder(() => request<StatusAnswer>({ method: "DELETE", path: "/v1/drain" }));
  return (
    <>
      <p class="soft">
        A drained region takes no new writes, and gives away what it leads. This is the console of {here};
        another region is drained from its own.
      </p>
      {isDrained === true ? (
        <OrderButton order={undrain} label="Undrain" about={here} />
      ) : (
        <OrderButton
          order={drain}
          label="Drain"
          about={here}
          isGrave
          question={`Take ${here} out of service?`}
        />
      )}
      <Problem text={drain.error ?? undrain.error} />
    </>
  );
}

function MoveLeader() {
  const { view } = useShown();
  const [region, setRegion] = useState(view.viewer.region);
  const order = useOrder(() =>
    request<MoveLeaderAnswer>({ method: "POST", path: "/v1/leader", body: { region } }),
  );
  const choices = view.members.map((name) => ({ value: name, text: name }));
  return (
    <>
      <p class="soft">
        All partitions; placement leaves it there for ten minutes. What the log decides waits for a moment.
      </p>
      <div class="filters">
        <Select label="To" value={region} choices={choices} onChange={setRegion} />
        <OrderButton order={order} label="Move the leader" question={`Have ${region} lead the log?`} />
      </div>
      {order.answer !== undefined && (
        <p role="status">
          <Mark tone="ok">
            {listed([...new Set(order.answer.partitions.map(({ leader }) => leader))])} leads.
          </Mark>
        </p>
      )}
      <Problem text={order.error} />
    </>
  );
}
