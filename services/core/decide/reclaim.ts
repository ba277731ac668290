/**
 * The rights of a lost region are handed over by a decision of the log. It is safe when that region returns: what it has
 * taken meanwhile comes after in the log, finds no rights, and is superseded, so that the bound holds.
 */
import { reclaimRights } from "../fields/merge/escrow.ts";
import { own, type JsonValue } from "../json.ts";
import type { Fields } from "../record.ts";
import type { DecisionContext } from "./decide.ts";
import { RejectedError } from "./rejection.ts";

/** A region that was not silent for so long is not lost: its rights move by themselves. */
export const LOST_AFTER_MS = 10_000;

/**
 * @returns the record's fields, and by field what was handed over.
 * @throws {RejectedError} region-alive, missing
 */
export function decideReclaim(options: {
  from: string;
  to: string;
  fields: Fields;
  context: Pick<DecisionContext, "silenceMsOf">;
}): { fields: Fields; amounts: { [field: string]: JsonValue } } {
  const { from, to, fields, context } = options;
  const silenceMs = context.silenceMsOf(from);
  if (from === to || (silenceMs !== undefined && silenceMs < LOST_AFTER_MS)) {
    const since = from === to ? "is this one" : `is not known to be silent for longer than ${silenceMs} ms`;
    throw new RejectedError(
      "region-alive",
      `region ${from} ${since}: only the rights of a lost region are reclaimed`,
    );
  }
  const after = { ...fields };
  const amounts: { [field: string]: JsonValue } = {};
  for (const [field, state] of Object.entries(fields)) {
    const amount = state.kind === "escrow" ? (own(state.rights, from) ?? 0) : 0;
    if (state.kind !== "escrow" || amount === 0) continue;
    amounts[field] = amount;
    after[field] = reclaimRights(state, from, to);
  }
  if (Object.keys(amounts).length === 0)
    throw new RejectedError("missing", `region ${from} has no rights to any escrow of the record`);
  return { fields: after, amounts };
}
