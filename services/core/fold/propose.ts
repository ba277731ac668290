/** Folding proposals: each is decided by committed state at its position, before its deadline or never (I7). */
import { isUniqueValue } from "../decide/claims.ts";
import { isPastDeadline } from "../decide/deadline.ts";
import { decide } from "../decide/decide.ts";
import type { ProposeEntry } from "../entry.ts";
import { isObject, own } from "../json.ts";
import { recordIdText, type RecordId } from "../operation.ts";
import { isLeaseAction, type Proposal, type ProposedWrite, type UniqueValue } from "../proposal.ts";
import { claimRecord, leaseRecord } from "../reserved.ts";
import { collectionId, hlcFloor, nextDecisionStamp, silenceMsOf } from "./state.ts";
import { count, currentRecord, isKnown, recordOutcome, type FoldWork } from "./work.ts";

export function foldProposals(work: FoldWork, entry: ProposeEntry): void {
  const written = new WrittenRecords();
  for (const proposal of entry.proposals) {
    if (foldProposal(work, entry.origin, proposal)) written.note(proposal, work);
  }
  written.tellVersions(work);
}

/**
 * The version of a record is the position of its last change, and so the same for all that one entry makes of it. Whoever
 * was not the last is told a version of its own, `20.1` and `20.2` before `20`, that no record has: a condition on it fails.
 */
class WrittenRecords {
  /** Of each record that was written, by which outcome and by which of its writes. */
  readonly #writes = new Map<
    string,
    { readonly outcome: number; readonly write: number; readonly writes: number }[]
  >();

  note({ tenant, writes }: Proposal, work: FoldWork): void {
    const outcome = work.outcomes.length - 1;
    for (const [write, { collection, key, action }] of writes.entries()) {
      if (isLeaseAction(action) || (action.type === "change" && action.changes.length === 0)) continue;
      const id = recordIdText({ tenant, collection, key });
      const place = { outcome, write, writes: writes.length };
      this.#writes.set(id, [...(this.#writes.get(id) ?? []), place]);
    }
  }

  tellVersions({ outcomes, state }: FoldWork): void {
    for (const writes of this.#writes.values()) {
      for (const [index, place] of writes.slice(0, -1).entries()) {
        const told = outcomes[place.outcome]!;
        const results = [...(told.results ?? Array.from({ length: place.writes }, () => null))];
        const result = results[place.write];
        const version = `${state.position}.${index + 1}`;
        results[place.write] = { ...(isObject(result) ? result : {}), version };
        outcomes[place.outcome] = { ...told, results };
      }
    }
  }
}

/** @returns true when it took effect, false when nothing came of it. */
function foldProposal(work: FoldWork, origin: string, proposal: Proposal): boolean {
  if (isKnown(work, proposal.id)) {
    count(work, "duplicates");
    return false;
  }
  // No outcome is kept: another try of the same request, with a later deadline, may still take effect.
  if (isPastDeadline(work.state.logTimeMs, proposal)) {
    count(work, "expired");
    return false;
  }
  count(work, "proposals");
  const stamp = nextDecisionStamp(work.state, proposal.hlc);
  work.state = { ...work.state, hlc: stamp };
  const { position, logTimeMs, collections, members } = work.state;
  const decision = decide(proposal, {
    origin,
    stamp,
    floor: hlcFloor(work.state),
    position,
    logTimeMs,
    members,
    silenceMsOf: (region) => silenceMsOf(work.state, region, origin),
    schemaOf: (tenant, name) => own(collections, collectionId(tenant, name))?.schema,
    recordOf: (id) => currentRecord(work, id),
  });
  const { id, tenant, requestHash } = proposal;
  const outcome = { id, tenant, position, requestHash, origin, hlc: stamp };
  if ("rejection" in decision) {
    count(work, "rejected");
    recordOutcome(work, { ...outcome, status: "rejected", rejection: decision.rejection });
    return false;
  }
  const { records, results } = decision.effect;
  for (const [key, record] of records) work.records.set(key, record);
  const hasResults = results.some((result) => result !== null);
  recordOutcome(work, { ...outcome, status: "committed", ...(hasResults && { results }) });
  return true;
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
