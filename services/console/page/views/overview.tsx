/** One look: what is wrong and what to do, how each region is, how far apart they are, who waits for whom. */
import type { ClusterView, Finding, RegionView } from "../../../protocol/cluster/view.ts";
import { bytes, duration, plural } from "../model/format.ts";
import { SEVERITY_WORDS } from "../model/headline.ts";
import { isWorse, lagMatrix, type LagCell } from "../model/lag.ts";
import { bufferOf, CONDITION_WORDS, conditionOf, leadersOf, ranges } from "../model/regions.ts";
import { linkTo } from "../model/route.ts";
import { useShown } from "../hooks.ts";
import { LagMatrix } from "../parts/lag-matrix.tsx";
import { LinkMap } from "../parts/link-map.tsx";
import { Mark, Nothing, Section, Since, Staleness, type Tone } from "../parts/marks.tsx";

export function OverviewView() {
  const { view } = useShown();
  return (
    <>
      <Section title="Findings">
        {view.findings.length === 0 ? (
          <Nothing>Nothing to report.</Nothing>
        ) : (
          <ul class="findings">
            {view.findings.map((finding) => (
              <FindingItem key={finding.id} finding={finding} />
            ))}
          </ul>
        )}
      </Section>
      <Section title="Regions">
        <Tiles />
      </Section>
      <div class="pair">
        <Section title="Links">
          <LinkMap />
        </Section>
        <Section title="Lag from origin to region">
          <LagMatrix lags={view.lags} />
        </Section>
      </div>
    </>
  );
}

function FindingItem({ finding }: { readonly finding: Finding }) {
  const { view } = useShown();
  const { severity, what, why, act, runbook, partition } = finding;
  return (
    <li class={`finding tone-${severity}`}>
      <p class="what">
        <Mark tone={severity}>{SEVERITY_WORDS[severity]}</Mark> <strong>{what}</strong>
        {partition !== undefined && view.partitions > 1 && <span class="soft"> partition {partition}</span>}
      </p>
      <dl>
        {why !== undefined && <Line name="Why">{why}</Line>}
        {act !== undefined && <Line name="Do">{act}</Line>}
        {runbook !== undefined && (
          <Line name="Runbook">
            <code>infra/runbooks/{runbook}.md</code>
          </Line>
        )}
        <Line name="Lasts">
          <Since at={finding.since} />
        </Line>
      </dl>
    </li>
  );
}

function Line({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Tiles() {
  const { view } = useShown();
  const leaders = leadersOf(view);
  const matrix = lagMatrix(view.lags);
  return (
    <ul class="tiles">
      {view.regions.map((region) => {
        const led = [...leaders].flatMap(([partition, leader]) =>
          leader === region.region ? partition : [],
        );
        const cells = [...matrix.values()].flatMap((row) => row.get(region.region) ?? []);
        return <Tile key={region.region} region={region} led={led} behind={behindText(cells, view)} />;
      })}
    </ul>
  );
}

interface TileProps {
  readonly region: RegionView;
  readonly led: readonly number[];
  readonly behind: string;
}

const TONES: Readonly<Record<ReturnType<typeof conditionOf>, Tone>> = {
  well: "ok",
  unready: "hurt",
  draining: "note",
  silent: "risk",
  unheard: "off",
};

function Tile({ region, led, behind }: TileProps) {
  const condition = conditionOf(region);
  const buffer = bufferOf(region);
  const problems = [...new Set(region.processes.flatMap(({ problems }) => problems))];
  return (
    <li class="tile">
      <h3>
        {region.region} <Mark tone={TONES[condition]}>{CONDITION_WORDS[condition]}</Mark>
      </h3>
      <Staleness region={region.region} />
      <dl>
        <Line name="Leads">{leadText(led)}</Line>
        <Line name="Buffer">
          <a href={linkTo("buffers")}>
            {buffer === undefined ? "unknown" : `${plural(buffer.rows, "row")}, ${bytes(buffer.bytes)}`}
          </a>
          {buffer !== undefined && buffer.rows > 0 && `, oldest ${duration(buffer.oldestAgeMs)}`}
        </Line>
        <Line name="Behind">
          <a href={linkTo("lag", { region: region.region })}>{behind}</a>
        </Line>
        <Line name="Admission">{admissionText(region)}</Line>
      </dl>
      {problems.map((problem) => (
        <p key={problem} class="problem">
          {problem}
        </p>
      ))}
    </li>
  );
}

function leadText(led: readonly number[]): string {
  return led.length === 0 ? "nothing" : `${led.length === 1 ? "partition" : "partitions"} ${ranges(led)}`;
}

/** @param cells what the region does not show yet, by origin. */
function behindText(cells: readonly LagCell[], { members }: ClusterView): string {
  if (members.length < 2) return "nothing";
  const cell = cells.reduce<LagCell | undefined>(
    (worst, one) => (worst === undefined || isWorse(one.worst, worst.worst) ? one : worst),
    undefined,
  );
  if (cell === undefined || cell.worst.stage === "unknown") return "unknown";
  if (cell.operations === 0 && cell.worst.reason === "nothing") return "nothing";
  return `${cell.origin} by ${duration(cell.worst.age_ms)}`;
}

function admissionText({ processes }: RegionView): string {
  const refusing = processes.find(({ load }) => load.admission === "refusing");
  if (processes.length === 0) return "unknown";
  return refusing === undefined ? "open" : `refuses: ${refusing.load.admission_reason ?? "overload"}`;
}
