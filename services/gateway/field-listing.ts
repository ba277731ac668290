/**
 * A page of a listing by a field: what the index has in order, and among it the records whose pending writes give them
 * another place. They are few, and looked at all for each page.
 */
import { indexKey } from "../core/listing/index-key.ts";
import { compareTexts } from "../core/listing/text-order.ts";
import type { FieldRange } from "../core/listing/where.ts";
import { own } from "../core/json.ts";
import type { CollectionSchema } from "../core/schema.ts";
import type { ListedRecord } from "../ports/record-snapshot.ts";
import type { FieldPage, FieldPlace, FieldQuery } from "../ports/sql-access.ts";
import { GatewayError } from "./errors.ts";
import type { RecordView } from "./gateway.ts";
import { viewRecord } from "./record-view.ts";
import { tooMuchPending } from "./too-much-pending.ts";

/** Beyond, a listing says that it can't be had: it would look at all of them for each page. */
export const MOVING_RECORDS_MAX = 5_000;
const BUILDING_RETRY_MS = 1_000;

export interface FieldListing {
  readonly tenant: string;
  readonly collection: string;
  readonly schema: CollectionSchema;
  readonly range: FieldRange;
  readonly after: FieldPlace | undefined;
  readonly limit: number;
  readonly isWithPending: boolean;
}

export interface PlacedRecord {
  readonly snapshot: ListedRecord;
  readonly view: RecordView;
  readonly place: FieldPlace;
}

/** One record more than the page has: whether there is a next one. */
export function queryOf(listing: FieldListing): FieldQuery {
  const { tenant, collection, range, after, limit, isWithPending } = listing;
  const { indexClass: _, ...bounds } = range;
  return {
    ...bounds,
    tenant,
    collection,
    after,
    limit: limit + 1,
    isWithPending,
    pendingMax: MOVING_RECORDS_MAX,
  };
}

/** @throws {GatewayError} index-building, too-much-pending. */
export function checkPage({ isReady, isCrowded }: FieldPage, { field }: FieldRange, region: string): void {
  if (!isReady) {
    const message = `region ${region} is still building the index of field ${field}; records are listed by it as soon as it is done`;
    throw new GatewayError("index-building", message, { retryAfterMs: BUILDING_RETRY_MS, field });
  }
  if (!isCrowded) return;
  const what = `more than ${MOVING_RECORDS_MAX} records of the collection, ten times as many of all, or one of them very often, were written since the log has ordered writes`;
  throw tooMuchPending(region, what);
}

/** The page, and one record more if there is one, in the listing's order. */
export function mergePage(page: FieldPage, listing: FieldListing, region: string): PlacedRecord[] {
  const { schema, range, after, limit } = listing;
  const placed: PlacedRecord[] = [];
  for (const snapshot of [...page.records, ...page.moving]) {
    const view = viewRecord({ region, key: snapshot.key, snapshot, schema });
    if (view === undefined) continue;
    const key = indexKey(own(view.fields, range.field), range.indexClass);
    if (key === undefined) continue;
    const place = { indexKey: key, key: snapshot.key };
    if (isWithin(place, range, after)) placed.push({ snapshot, view, place });
  }
  return placed.sort((one, other) => inOrder(range, one.place, other.place)).slice(0, limit + 1);
}

function isWithin(place: FieldPlace, range: FieldRange, after: FieldPlace | undefined): boolean {
  const { indexKey: key } = place;
  if (compareTexts(key, range.from) < 0 || compareTexts(key, range.to) >= 0) return false;
  return after === undefined || inOrder(range, after, place) < 0;
}

function inOrder({ isDescending }: FieldRange, one: FieldPlace, other: FieldPlace): number {
  const order = compareTexts(one.indexKey, other.indexKey) || compareTexts(one.key, other.key);
  return isDescending ? -order : order;
}
