/** Verifications and repairs as operators read them: rows as clients see records, with what is hidden only where it differs. */
import { showField, type FieldState } from "../../core/fields/index.ts";
import { regionOfOrigin } from "../../core/fields/kind.ts";
import { canonicalJson, own, type JsonValue } from "../../core/json.ts";
import type { StoredRecord } from "../../core/record.ts";
import type { DifferingRecord, RepairReport, Verification } from "../../ports/reconciliation.ts";
import type { StoredRepair } from "../../ports/region-store.ts";
import type {
  DifferingRecordAnswer,
  RepairAnswer,
  RepairListAnswer,
  RepairReportAnswer,
  RowAnswer,
  VerificationAnswer,
  VerificationSummary,
} from "../../protocol/http/verifications.ts";
import { placeOfRepair, type RepairPage } from "../reconciling.ts";
import { encodeConflictCursor } from "./cursor.ts";

/** Characters of JSON that one answer's records take, about: rows may be large, and there may be many. */
const RECORDS_LENGTH_MAX = 4 * 1024 * 1024;

type Row = StoredRecord | null;

export function verificationSummary(verification: Verification): VerificationSummary {
  const { records, rest } = verification.differences;
  return { ...verificationMembers(verification), differences: { records, rest: [...rest] } };
}

export function verificationAnswer(verification: Verification): VerificationAnswer {
  const { records, rest, sample } = verification.differences;
  const differences = { records, rest: [...rest], sample: within(sample, differingRecordAnswer) };
  return { ...verificationMembers(verification), differences };
}

function verificationMembers(verification: Verification): Omit<VerificationSummary, "differences"> {
  const { id, partition, startedAtMs, endedAtMs, phase, position, verdict, reason, regions } = verification;
  return {
    id,
    partition,
    started_at_ms: startedAtMs,
    ...(endedAtMs !== undefined && { ended_at_ms: endedAtMs }),
    phase,
    ...(position !== undefined && { position }),
    ...(verdict !== undefined && { verdict }),
    ...(reason !== undefined && { reason }),
    regions: regions.map(({ region, problem, rows, digest }) => ({
      region,
      ...(problem !== undefined && { problem }),
      ...(rows !== undefined && { rows }),
      ...(digest !== undefined && { digest }),
    })),
  };
}

export function repairReportAnswer(
  report: RepairReport,
  { isDryRun }: { isDryRun: boolean },
): RepairReportAnswer {
  const { id, records, sample, undecided, positions } = report;
  return {
    ...(id !== undefined && { id }),
    dry_run: isDryRun,
    records,
    sample: within(sample, differingRecordAnswer),
    undecided: { records: undecided.length, sample: within(undecided, differingRecordAnswer) },
    positions: [...positions],
  };
}

/** A page that is cut short says where to go on. */
export function repairListAnswer({ repairs, next }: RepairPage): RepairListAnswer {
  const shown = within(repairs, repairAnswer);
  const place = shown.length < repairs.length ? placeOfRepair(repairs[shown.length - 1]!) : next;
  return { repairs: shown, ...(place !== undefined && { next_cursor: encodeConflictCursor(place) }) };
}

function repairAnswer(stored: StoredRepair): RepairAnswer {
  const { repair, tenant, collection, key, partition, position, logTimeMs, reason, before, after } = stored;
  const differs = differencesOf([before, after]);
  return {
    repair,
    tenant,
    collection,
    key,
    position: { partition, sequence: position },
    log_time_ms: logTimeMs,
    reason,
    before: rowAnswer(before, differs),
    after: rowAnswer(after, differs),
    differs,
  };
}

/** As many as there is room for; the first in any case. */
function within<Item, Answer>(items: readonly Item[], show: (item: Item) => Answer): Answer[] {
  const shown: Answer[] = [];
  let length = 0;
  for (const item of items) {
    const answer = show(item);
    length += JSON.stringify(answer).length;
    if (length > RECORDS_LENGTH_MAX && shown.length > 0) break;
    shown.push(answer);
  }
  return shown;
}

export function differingRecordAnswer(differing: DifferingRecord): DifferingRecordAnswer {
  const { tenant, collection, key, rows, proven } = differing;
  const differs = differencesOf(Object.values(rows));
  const groups = groupsOf(rows);
  const text = proven && canonicalJson(proven.record);
  return {
    tenant,
    collection,
    key,
    rows: Object.fromEntries(Object.entries(rows).map(([region, row]) => [region, rowAnswer(row, differs)])),
    groups,
    differs,
    ...(proven !== undefined && {
      proven: {
        record: rowAnswer(proven.record, differs),
        regions: groups.find(([region]) => canonicalJson(rows[region!]!) === text) ?? [],
        reason: proven.reason,
      },
    }),
  };
}

/** Regions whose rows are the same to the last stamp. */
function groupsOf(rows: DifferingRecord["rows"]): string[][] {
  const groups = new Map<string, string[]>();
  for (const [region, row] of Object.entries(rows)) {
    const text = canonicalJson(row);
    groups.set(text, [...(groups.get(text) ?? []), region]);
  }
  return [...groups.values()].sort((one, other) => other.length - one.length);
}

const STATE = "state.";

function differencesOf(rows: readonly Row[]): string[] {
  const present = rows.filter((row) => row !== null);
  const differ = (read: (row: StoredRecord) => unknown) =>
    new Set(present.map((row) => canonicalJson(read(row) ?? null))).size > 1;
  const deletedDiffers = differ(({ tombstone }) => tombstone !== undefined);
  const names = [...new Set(present.flatMap(({ fields }) => Object.keys(fields)))].sort();
  const fields = names.flatMap((name) => {
    if (differ((row) => [shownIn(row, name) ?? null, shownIn(row, name) === undefined])) {
      return [`fields.${name}`];
    }
    return differ(({ fields: all }) => own(all, name)) ? [STATE + name] : [];
  });
  return [
    ...(present.length < rows.length ? ["row"] : []),
    ...fields,
    ...(differ(({ version }) => version) ? ["version"] : []),
    ...(deletedDiffers ? ["deleted"] : []),
    ...(!deletedDiffers && differ(({ tombstone }) => tombstone) ? ["tombstone"] : []),
    ...(differ(({ expiresAtMs }) => expiresAtMs) ? ["expires_at_ms"] : []),
  ];
}

function rowAnswer(row: Row, differs: readonly string[]): RowAnswer | null {
  if (row === null) return null;
  const { fields, version, tombstone, expiresAtMs } = row;
  const shown = Object.keys(fields).map((name) => [name, shownIn(row, name)] as const);
  const hidden = differs.filter((what) => what.startsWith(STATE)).map((what) => what.slice(STATE.length));
  return {
    fields: Object.fromEntries(shown.filter(([, value]) => value !== undefined)),
    version,
    deleted: tombstone !== undefined,
    ...(tombstone !== undefined && {
      tombstone: {
        at: tombstone.hlc,
        region: regionOfOrigin(tombstone.origin),
        log_time_ms: tombstone.logTimeMs,
      },
    }),
    ...(expiresAtMs !== undefined && { expires_at_ms: expiresAtMs }),
    ...(hidden.length > 0 && {
      hidden: Object.fromEntries(hidden.map((name) => [name, own(fields, name) ?? null])),
    }),
  };
}

function shownIn({ fields }: StoredRecord, name: string): JsonValue | undefined {
  const state = own(fields, name);
  if (state === undefined) return undefined;
  try {
    return showField(state);
  } catch {
    // Damage is what is looked at here: a state that no code could have written is shown as it is.
    return state satisfies FieldState as unknown as JsonValue;
  }
}
