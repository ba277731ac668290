/** Breaking a cluster on one machine on purpose, to see what the rest of the console says of it. */
import { useState } from "preact/hooks";
import { request } from "../api.ts";
import { useFetched, useOrder, useShown, type Fetched } from "../hooks.ts";
import {
  faultTexts,
  isCut,
  pairsOf,
  processFault,
  TARGET_WORDS,
  TARGETS,
  type ChaosAction,
  type Faults,
  type Target,
} from "../model/chaos.ts";
import { TextField } from "../parts/fields.tsx";
import { Mark, Nothing, OrderButton, Problem, Section } from "../parts/marks.tsx";
import { Table } from "../parts/table.tsx";

const LOOK_EVERY_MS = 2_000;
const PATH = "/v1/chaos";
const NONE: Faults = { links: [], paused: [], stopped: [] };

export function ChaosView() {
  const { view } = useShown();
  return view.has_chaos ? (
    <Controls />
  ) : (
    <Nothing>Only a cluster on one machine can be broken from here.</Nothing>
  );
}

interface Told {
  readonly told: string;
}

interface GiveProps {
  readonly action: ChaosAction;
  readonly label: string;
  readonly about?: string;
  readonly question?: string;
  readonly isGrave?: boolean;
  readonly faults: Fetched<Faults>;
}

/** A button that does one thing, and says below itself what it did. */
function Give({ action, faults, ...button }: GiveProps) {
  const order = useOrder(() => request<Told>({ method: "POST", path: PATH, body: action }), faults.refresh);
  return (
    <>
      <OrderButton order={order} {...button} />
      {order.answer !== undefined && (
        <span role="status" class="soft">
          {order.answer.told}
        </span>
      )}
      <Problem text={order.error} />
    </>
  );
}

function Controls() {
  const faults = useFetched<Faults>(PATH, LOOK_EVERY_MS);
  const broken = faults.answer ?? NONE;
  return (
    <>
      <Problem text={faults.error} />
      <Section
        title="All of it"
        tools={
          <>
            <Give
              faults={faults}
              action={{ do: "kill-leader" }}
              label="Kill the leader"
              isGrave
              question="Kill the nats-server that leads the log?"
            />
            <Give faults={faults} action={{ do: "heal" }} label="Heal everything" />
          </>
        }
      >
        <p class="soft">
          Faults are real: traffic is held, processes are paused or killed. What was acknowledged stays.
        </p>
      </Section>
      <Section title="Links">
        <Links faults={faults} broken={broken} />
      </Section>
      <Section title="Processes">
        <Processes faults={faults} broken={broken} />
      </Section>
    </>
  );
}

interface PartProps {
  readonly faults: Fetched<Faults>;
  readonly broken: Faults;
}

function Links({ faults, broken }: PartProps) {
  const { view } = useShown();
  const [latency, setLatency] = useState("200");
  const [jitter, setJitter] = useState("50");
  const rows = pairsOf(view.members).map(([one, other]) => {
    const about = `${one} – ${other}`;
    const texts = faultTexts(broken, [one, other]);
    const slow: ChaosAction = {
      do: "link",
      one,
      other,
      latency_ms: number(latency),
      jitter_ms: number(jitter),
    };
    return {
      id: about,
      cells: [
        about,
        texts.length === 0 ? <Mark tone="ok">as it is</Mark> : <Mark tone="risk">{texts.join("; ")}</Mark>,
        <span key="orders" class="orders">
          {!isCut(broken, [one, other]) && (
            <Give
              faults={faults}
              action={{ do: "link", one, other, is_cut: true }}
              label="Cut"
              about={about}
            />
          )}
          <Give faults={faults} action={slow} label="Delay" about={about} />
          {texts.length > 0 && (
            <Give faults={faults} action={{ do: "heal-link", one, other }} label="Heal" about={about} />
          )}
        </span>,
      ],
    };
  });
  return (
    <>
      <div class="filters">
        <TextField kind="number" label="Delay, ms" value={latency} onInput={setLatency} />
        <TextField kind="number" label="Jitter, ms" value={jitter} onInput={setJitter} />
      </div>
      <Table
        caption="Links"
        columns={[{ title: "Link" }, { title: "State" }, { title: "Orders" }]}
        rows={rows}
      />
    </>
  );
}

function number(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : 0;
}

function Processes({ faults, broken }: PartProps) {
  const { view } = useShown();
  const rows = view.members.flatMap((region) =>
    TARGETS.map((target) => ({
      id: `${region} ${target}`,
      cells: [
        `${region}: ${TARGET_WORDS[target]}`,
        <ProcessState key="state" state={processFault(broken, target, region)} />,
        <ProcessOrders key="orders" faults={faults} broken={broken} target={target} region={region} />,
      ],
    })),
  );
  return (
    <Table
      caption="Processes"
      columns={[{ title: "Process" }, { title: "State" }, { title: "Orders" }]}
      rows={rows}
    />
  );
}

function ProcessState({ state }: { readonly state: "paused" | "stopped" | undefined }) {
  return state === undefined ? <Mark tone="ok">runs</Mark> : <Mark tone="risk">{state}</Mark>;
}

function ProcessOrders({
  faults,
  broken,
  target,
  region,
}: PartProps & { readonly target: Target; readonly region: string }) {
  const { view } = useShown();
  const state = processFault(broken, target, region);
  const about = `${region} ${TARGET_WORDS[target]}`;
  // Whoever stops the process that serves the page loses the page.
  const isOwn = target === "region" && region === view.viewer.region;
  const give = (verb: "pause" | "resume" | "kill" | "restart") => ({
    faults,
    about,
    action: { do: verb, target, region } as const,
  });
  const question = isOwn ? "This process serves this page. Go on?" : undefined;
  return (
    <span class="orders">
      {state === undefined && (
        <Give {...give("pause")} label="Pause" {...(question !== undefined && { question })} />
      )}
      {state === "paused" && <Give {...give("resume")} label="Resume" />}
      {state !== "stopped" && (
        <Give {...give("kill")} label="Kill" {...(question !== undefined && { question })} />
      )}
      {state === "stopped" && <Give {...give("restart")} label="Start" />}
    </span>
  );
}
