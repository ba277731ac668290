/** Repairing what a verification has found: first said, then done. */
import { useState } from "preact/hooks";
import type {
  RepairBody,
  RepairReportAnswer,
  VerificationAnswer,
} from "../../../protocol/http/verifications.ts";
import { pathOf, request } from "../api.ts";
import { useOrder, useShown } from "../hooks.ts";
import { plural } from "../model/format.ts";
import { Differences } from "./differences.tsx";
import { Select, TextField } from "./fields.tsx";
import { Mark, OrderButton, Problem } from "./marks.tsx";

export function RepairForm({ verification }: { readonly verification: VerificationAnswer }) {
  const { view } = useShown();
  const [reason, setReason] = useState("");
  const [preferred, setPreferred] = useState("");
  const order = (isDryRun: boolean) => () => {
    const body: RepairBody = { dry_run: isDryRun, reason, ...(preferred !== "" && { preferred }) };
    return request<RepairReportAnswer>({
      method: "POST",
      path: pathOf(["v1", "verifications", verification.id, "repair"]),
      body,
    });
  };
  const dry = useOrder(order(true));
  const real = useOrder(order(false), dry.forget);
  const choices = [
    { value: "", text: "nobody: leave them" },
    ...view.members.map((name) => ({ value: name, text: name })),
  ];
  // What was said holds for what was asked then.
  const change = (set: (value: string) => void) => (value: string) => {
    set(value);
    dry.forget();
  };
  return (
    <div class="repair-form">
      <h3>Repair</h3>
      <div class="filters">
        <TextField
          label="Reason, kept with every change"
          value={reason}
          onInput={change(setReason)}
          placeholder="row edited by hand"
        />
        <Select
          label="Where no majority is"
          value={preferred}
          choices={choices}
          onChange={change(setPreferred)}
        />
        <OrderButton order={dry} label="Dry run" isDisabled={reason.trim() === ""} />
        <OrderButton
          order={real}
          label="Repair"
          isGrave
          isDisabled={dry.answer === undefined}
          question={`Set ${plural(dry.answer?.records ?? 0, "record")} right in every region?`}
        />
      </div>
      {reason.trim() === "" && <p class="soft">A repair needs a reason; a dry run comes first.</p>}
      <Problem text={dry.error ?? real.error} />
      {dry.answer !== undefined && <Report report={dry.answer} />}
      {real.answer !== undefined && <Report report={real.answer} />}
    </div>
  );
}

function Report({ report }: { readonly report: RepairReportAnswer }) {
  const { dry_run: isDryRun, records, undecided, sample, positions } = report;
  return (
    <div role="status">
      <p>
        {isDryRun ? (
          <Mark tone="note">Would set {plural(records, "record")} right.</Mark>
        ) : (
          <Mark tone="ok">
            Has set {plural(records, "record")} right, at position {positions.join(", ")}. Verify again to see
            whether anything is left.
          </Mark>
        )}
        {undecided.records > 0 &&
          ` ${plural(undecided.records, "record")} without a clear majority stay as they are.`}
      </p>
      {isDryRun && <Differences records={sample} />}
    </div>
  );
}
