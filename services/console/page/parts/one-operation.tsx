/** What became of one write, and which regions have folded it. */
import type { OperationAnswer } from "../../../protocol/http/answers.ts";
import { pathOf } from "../api.ts";
import { setParameters, useFetched } from "../hooks.ts";
import { count, listed, valueText } from "../model/format.ts";
import { Mark, Problem, Section, type Tone } from "./marks.tsx";

const LOOK_EVERY_MS = 2_000;

const TONES: Readonly<Record<OperationAnswer["status"], Tone>> = {
  accepted: "note",
  committed: "ok",
  superseded: "note",
  rejected: "risk",
  undecided: "note",
  expired: "risk",
};

const MEANINGS: Readonly<Record<OperationAnswer["status"], string>> = {
  accepted: "durable in its region, not ordered yet",
  committed: "ordered by the log, and effective",
  superseded: "ordered, but newer writes won",
  rejected: "the log refused it",
  undecided: "it may take effect yet",
  expired: "certainly without effect",
};

export function OneOperation({ id }: { readonly id: string }) {
  const { answer, error } = useFetched<OperationAnswer>(pathOf(["v1", "operations", id]), LOOK_EVERY_MS);
  const close = (
    <button type="button" onClick={() => setParameters({ operation: "" })}>
      Close
    </button>
  );
  return (
    <Section title="Operation" tools={close}>
      <p>
        <code>{id}</code>
      </p>
      <Problem text={error} />
      {answer !== undefined && (
        <p>
          <Mark tone={TONES[answer.status]}>{answer.status}</Mark>: {MEANINGS[answer.status]}
        </p>
      )}
      {answer !== undefined && "region" in answer && <Receipt receipt={answer} />}
    </Section>
  );
}

function Receipt({ receipt }: { readonly receipt: Extract<OperationAnswer, { readonly region: string }> }) {
  const { region, position, reason, lost_fields: lost, applied_by: appliedBy, result } = receipt;
  const folded = Object.entries(appliedBy ?? {}).flatMap(([name, has]) => (has ? name : []));
  const missing = Object.entries(appliedBy ?? {}).flatMap(([name, has]) => (has ? [] : name));
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Came through", region],
    [
      "Position",
      position === undefined ? undefined : `${count(position.sequence)} of partition ${position.partition}`,
    ],
    ["Refused, since", reason],
    ["Fields that lost", lost === undefined ? undefined : listed(lost)],
    [
      "Folded by",
      appliedBy === undefined ? undefined : listed(folded) || "nobody that this region has heard of",
    ],
    ["Not folded by", missing.length === 0 ? undefined : listed(missing)],
    ["Result", result === undefined ? undefined : valueText(result)],
  ];
  return (
    <dl class="receipt">
      {lines.map(
        ([name, text]) =>
          text !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
