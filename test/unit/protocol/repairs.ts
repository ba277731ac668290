/** Random repairs: rows with fields of every kind, and whatever text can be stored. */
import fc from "fast-check";
import type { BarrierEntry, RecordRepair, RepairEntry, RowContent } from "../../../services/core/entry.ts";
import type { FieldState } from "../../../services/core/fields/index.ts";
import { isStorableText, unstorableReason } from "../../../services/core/json.ts";
import { recordIdText } from "../../../services/core/operation.ts";
import { hash, hlc, name, oddText, region, sequence, uuid, value } from "./operations.ts";

const storableText = oddText.filter(isStorableText);
const storableName = name.filter(isStorableText);
/** Of tenants and collections. */
const lineName = storableName.map((text) => text.replaceAll("\n", "_"));
const storable = value.filter((one) => unstorableReason(one) === undefined);
/** Versions and positions at once: what a row says is not later than the barrier. */
const early = fc.integer({ min: 1, max: 1_000_000 });

function exact<T>(members: { [Name in keyof T]: fc.Arbitrary<T[Name]> }): fc.Arbitrary<T> {
  return fc.record(members, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

function texts<T>(of: fc.Arbitrary<T>): fc.Arbitrary<{ [text: string]: T }> {
  return fc
    .dictionary(storableText, of, { maxKeys: 3, noNullPrototype: true })
    .map((one) => JSON.parse(JSON.stringify(one)) as { [text: string]: T });
}

const written = { hlc, origin: region, position: early };
const cell = fc.oneof(exact({ value: storable, ...written }), exact(written));
const lww = fc.oneof(
  exact({ kind: fc.constant("lww" as const), value: storable, ...written }),
  exact({ kind: fc.constant("lww" as const), ...written }),
);
const elements = fc
  .dictionary(
    fc.oneof(fc.integer(), storableText).map((one) => JSON.stringify(one)),
    texts(early),
    { maxKeys: 3, noNullPrototype: true },
  )
  .map((one) => JSON.parse(JSON.stringify(one)) as { [element: string]: { [origin: string]: number } });

const fieldState: fc.Arbitrary<FieldState> = fc.oneof(
  lww,
  exact({ kind: fc.constant("counter" as const), sum: fc.maxSafeInteger() }),
  exact({ kind: fc.constant("set" as const), elements }),
  exact({ kind: fc.constant("map" as const), entries: texts(cell) }),
  exact({
    kind: fc.constant("register" as const),
    values: fc.array(exact({ value: storable, ...written }), { maxLength: 3 }),
  }),
  exact({ kind: fc.constant("max" as const), value: fc.oneof(fc.integer(), storableText) }),
  exact({ kind: fc.constant("min" as const), value: fc.oneof(fc.integer(), storableText) }),
  exact({ kind: fc.constant("escrow" as const), min: fc.maxSafeInteger(), rights: texts(sequence) }),
  exact({ kind: fc.constant("value" as const), value: storable }),
  exact({ kind: fc.constant("value" as const) }),
  exact({
    kind: fc.constant("lease" as const),
    holder: fc.option(storableText),
    token: sequence,
    expiresAtMs: sequence,
  }),
  exact({ kind: fc.constant("claim" as const), key: storableName }),
);

export const row: fc.Arbitrary<RowContent> = fc
  .record(
    {
      version: early,
      fields: texts(fieldState),
      tombstone: exact({ hlc, origin: region, logTimeMs: sequence }),
      expiresAtMs: sequence,
    },
    { requiredKeys: ["version", "fields"], noNullPrototype: true },
  )
  .map((one) => JSON.parse(JSON.stringify(one)) as RowContent);

const expected = fc
  .tuple(fc.boolean(), fc.uniqueArray(hash, { minLength: 1, maxLength: 4 }))
  .map(([isMissing, hashes]) => [...(isMissing ? [null] : []), ...hashes.toSorted()]);

export const recordRepair: fc.Arbitrary<RecordRepair> = exact({
  tenant: lineName,
  collection: lineName,
  key: storableName,
  expected,
  record: fc.option(row),
});

export const repair: fc.Arbitrary<RepairEntry> = exact({
  kind: fc.constant("repair" as const),
  origin: region,
  id: uuid,
  at: fc.integer({ min: 1_000_000, max: Number.MAX_SAFE_INTEGER }),
  atMs: sequence,
  reason: storableName.map((text) => text.slice(0, 100)).filter(isStorableText),
  records: fc.uniqueArray(recordRepair, { minLength: 1, maxLength: 4, selector: recordIdText }),
});

export const barrier: fc.Arbitrary<BarrierEntry> = exact({
  kind: fc.constant("barrier" as const),
  origin: region,
  id: uuid,
  purpose: fc.stringMatching(/^[a-z][a-z-]{0,31}$/),
});
