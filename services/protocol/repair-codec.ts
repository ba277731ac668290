/**
 * Repairs on the wire: after the envelope one line per record,
 *
 *   ["<tenant>","<collection>","<key>",[null,"<row hash>",…],{"version":…,"fields":{…},…}]
 *
 * with null for no row, first among the expected, and in place of the row that is to be there.
 */
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { RecordRepair, RepairEntry } from "../core/entry.ts";
import { isStorableText } from "../core/json.ts";
import { recordIdText } from "../core/operation.ts";
import { checkRow, toRowContent } from "./row-codec.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Hash, Name, Region, Sequence, Uuid } from "./wire-types.ts";

/** Of one entry. */
export const REPAIR_RECORDS_MAX = 500;
/** In UTF-16 units. */
export const REPAIR_REASON_LENGTH_MAX = 200;
/** Different rows of one record: there are not more regions. */
export const REPAIR_EXPECTED_MAX = 64;

export const BarrierEnvelope = Type.Object(
  {
    kind: Type.Literal("barrier"),
    origin: Region,
    id: Uuid,
    purpose: Type.String({ pattern: "^[a-z][a-z-]{0,31}$" }),
  },
  { additionalProperties: false },
);

export const RepairEnvelope = Type.Object(
  {
    kind: Type.Literal("repair"),
    origin: Region,
    id: Uuid,
    at: Type.Integer({ minimum: 1 }),
    atMs: Sequence,
    reason: Type.String({ minLength: 1, maxLength: REPAIR_REASON_LENGTH_MAX }),
    count: Type.Integer({ minimum: 1, maximum: REPAIR_RECORDS_MAX }),
  },
  { additionalProperties: false },
);

const repairs = Compile(
  Type.Tuple([
    Name,
    Name,
    Name,
    Type.Array(Type.Union([Type.Null(), Hash]), { minItems: 1, maxItems: REPAIR_EXPECTED_MAX }),
    Type.Unknown(),
  ]),
);

/** The first line. */
export function encodeRepairEnvelope({ kind, origin, id, at, atMs, reason, records }: RepairEntry): string {
  return JSON.stringify({ kind, origin, id, at, atMs, reason, count: records.length });
}

/** The line of one record: what a repair's size is made of. Lines of an entry must stay below `ENTRY_BYTES_MAX` together. */
export function encodeRecordRepair({ tenant, collection, key, expected, record }: RecordRepair): string {
  return JSON.stringify([tenant, collection, key, expected, record && toRowContent(record)]);
}

/** @throws {UndecodableEntryError} */
export function decodeRepair(
  envelope: Omit<RepairEntry, "records"> & { readonly count: number },
  lines: readonly string[],
): RepairEntry {
  const { kind, origin, id, at, atMs, reason, count } = envelope;
  if (!isStorableText(reason)) throw new UndecodableEntryError("repair: the reason can't be stored");
  if (lines.length !== count) {
    throw new UndecodableEntryError(`the repair of ${count} records has ${lines.length}`);
  }
  const records = lines.map(decodeRecordRepair);
  for (const { record } of records) {
    if (record !== null && record.version > at)
      throw new UndecodableEntryError(`repair: a row of ${record.version} was not there at ${at}`);
  }
  if (new Set(records.map(recordIdText)).size < count)
    throw new UndecodableEntryError("repair: a record comes twice");
  return { kind, origin, id, at, atMs, reason, records };
}

function decodeRecordRepair(line: string): RecordRepair {
  const tuple = parseJson(line, "repair");
  if (!repairs.Check(tuple)) throw new UndecodableEntryError(`repair: ${explain(repairs, tuple)}`);
  const [tenant, collection, key, expected, row] = tuple;
  if (![tenant, collection, key].every(isStorableText) || `${tenant}${collection}`.includes("\n"))
    throw new UndecodableEntryError("repair: no record can have such a name");
  if (!isRising(expected))
    throw new UndecodableEntryError("repair: what is expected must rise, each hash once, null first");
  const record = row === null ? null : checkRow(collection, row);
  const repair: RecordRepair = { tenant, collection, key, expected, record };
  if (encodeRecordRepair(repair) !== line)
    throw new UndecodableEntryError("repair: a line is not written as it has to be");
  return repair;
}

function isRising(hashes: readonly (string | null)[]): boolean {
  return hashes.every((hash, index) => index === 0 || (hash !== null && (hashes[index - 1] ?? "") < hash));
}
