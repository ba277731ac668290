/** Listings by a field, as the simulated twin has them: it looks at every record each time, by the index's rules. */
import { indexClassOf, indexKey, indexSignature } from "../../services/core/listing/index-key.ts";
import { compareTexts } from "../../services/core/listing/text-order.ts";
import { showFields } from "../../services/core/record.ts";
import type { JsonValue } from "../../services/core/json.ts";
import type { Collection } from "../../services/core/schema.ts";
import type { ListedRecord } from "../../services/ports/record-snapshot.ts";
import type { FieldPage, FieldPlace, FieldQuery } from "../../services/ports/sql-access.ts";

/** Which indexes are built; all that is begun is built with the next step. */
export class SimulatedIndexes {
  /** Signatures by tenant, collection and field. */
  readonly #begun = new Map<string, string>();
  readonly #ready = new Map<string, string>();

  follow(collections: readonly Collection[]): number {
    const wanted = new Map(collections.flatMap(indexesOf));
    let done = 0;
    for (const [index, signature] of this.#begun) {
      if (wanted.get(index) !== signature) this.#begun.delete(index);
      else if (this.#ready.get(index) === signature) continue;
      else this.#ready.set(index, signature);
      done += 1;
    }
    for (const [index, signature] of wanted) {
      if (this.#begun.get(index) === signature) continue;
      this.#begun.set(index, signature);
      this.#ready.delete(index);
      done += 1;
    }
    return done;
  }

  isReady({ tenant, collection, field, signature }: FieldQuery): boolean {
    const index = `${tenant}\n${collection}\n${field}`;
    return this.#begun.get(index) === signature && this.#ready.get(index) === signature;
  }
}

function indexesOf({ tenant, name, schema }: Collection): [string, string][] {
  return Object.entries(schema.fields).flatMap(([field, definition]): [string, string][] => {
    const indexClass = definition.index === true ? indexClassOf(definition) : undefined;
    if (indexClass === undefined) return [];
    return [[`${tenant}\n${name}\n${field}`, indexSignature(definition, indexClass)]];
  });
}

export function listByField(
  listed: readonly ListedRecord[],
  query: FieldQuery & { readonly isReady: boolean; readonly bodiesOf: (key: string) => readonly string[] },
): FieldPage {
  const { isWithPending, isReady, pendingMax, limit, hasDefault } = query;
  const change = `[${JSON.stringify(query.field)},`;
  const isMoving = ({ key, committed }: ListedRecord) =>
    isWithPending &&
    query.bodiesOf(key).some((body) => body.includes(change) || (hasDefault && committed === undefined));
  const moving = listed.filter(isMoving);
  const records = listed
    .filter((record) => !isMoving(record))
    .flatMap((record) => placed(record, query))
    .toSorted((one, other) => inOrder(query, one, other))
    .slice(0, limit);
  const isCrowded = moving.length > pendingMax || moving.some((record) => record.isCrowded === true);
  return { isReady, isCrowded, records, moving: moving.slice(0, pendingMax) };
}

function placed(record: ListedRecord, query: FieldQuery): (ListedRecord & FieldPlace)[] {
  const { field, from, to, after, signature, isWithPending } = query;
  const [indexClass, value] = JSON.parse(signature) as [Parameters<typeof indexKey>[1], JsonValue?];
  const { committed } = record;
  if (committed === undefined) return [];
  const defaults = value === undefined ? {} : { [field]: value };
  const key = indexKey(showFields(committed.fields, defaults)[field], indexClass);
  if (key === undefined || compareTexts(key, from) < 0 || compareTexts(key, to) >= 0) return [];
  const { pending: _, isCrowded, ...rest } = record;
  const shown = isWithPending ? record : { ...rest, pending: [] };
  const found = { ...shown, indexKey: key };
  return after === undefined || inOrder(query, after, found) < 0 ? [found] : [];
}

function inOrder({ isDescending }: FieldQuery, one: FieldPlace, other: FieldPlace): number {
  const order = compareTexts(one.indexKey, other.indexKey) || compareTexts(one.key, other.key);
  return isDescending ? -order : order;
}
