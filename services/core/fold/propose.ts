/** Folding proposals: each is decided by committed state at its position, before its deadline or never (I7). */
import { isUniqueValue } from "../decide/claims.ts";
import { isPastDeadline } from "../decide/deadline.ts";
import { decide } from "../decide/decide.ts";
import type { ProposeEntry } from "../entry.ts";
import { own } from "../json.ts";
import type { RecordId } from "../operation.ts";
import type { Proposal, ProposedWrite, UniqueValue } from "../proposal.ts";
import { claimRecord, leaseRecord } from "../reserved.ts";
import { collectionId, hlcFloor, nextDecisionStamp } from "./state.ts";
import { count, currentRecord, isKnown, recordOutcome, type FoldWork } from "./work.ts";

export function foldProposals(work: FoldWork, entry: ProposeEntry): void {
  for (const proposal of entry.proposals) foldProposal(work, entry.origin, proposal);
}

function foldProposal(work: FoldWork, origin: string, proposal: Proposal): void {
  if (isKnown(work, proposal.id)) return count(work, "duplicates");
  // No outcome is kept: another try of the same request, with a later deadline, may still take effect.
  if (isPastDeadline(work.state.logTimeMs, proposal)) return count(work, "expired");
  count(work, "proposals");
  const stamp = nextDecisionStamp(work.state, proposal.hlc);
  work.state = { ...work.state, hlc: stamp };
  const { position, logTimeMs, collections } = work.state;
  const decision = decide(proposal, {
    origin,
    stamp,
    floor: hlcFloor(work.state),
    position,
    logTimeMs,
    schemaOf: (tenant, name) => own(collections, collectionId(tenant, name))?.schema,
    recordOf: (id) => currentRecord(work, id),
  });
  const { id, tenant, requestHash } = proposal;
  const outcome = { id, tenant, position, requestHash, origin, hlc: stamp };
  if ("rejection" in decision) {
    count(work, "rejected");
    return recordOutcome(work, { ...outcome, status: "rejected", rejection: decision.rejection });
  }
  const { records, results } = decision.effect;
  for (const [key, record] of records) work.records.set(key, record);
  const hasResults = results.some((result) => result !== null);
  recordOutcome(work, { ...outcome, status: "committed", ...(hasResults && { results }) });
}

/** The records that deciding on a proposal looks at. */
export function recordsOfProposal({ tenant, fences, writes }: Proposal): RecordId[] {
  const records: RecordId[] = fences.map(({ lease }) => leaseRecord(tenant, lease));
  for (const write of writes) {
    const { collection, key } = write;
    records.push({ tenant, collection, key });
    for (const value of possibleClaims(write)) records.push(claimRecord({ tenant, collection, ...value }));
  }
  return records;
}

/** Whether a field is unique only the schema in force at the position says: every value that is set may be. */
function possibleClaims({ action }: ProposedWrite): readonly UniqueValue[] {
  if (action.type === "restore") return action.claims;
  if (action.type !== "change") return [];
  return action.changes.flatMap(({ field, kind, operator, argument }) =>
    kind === "value" && operator === "set" && isUniqueValue(argument) ? [{ field, value: argument }] : [],
  );
}
