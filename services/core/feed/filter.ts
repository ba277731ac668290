/** What a subscription is of: one record, the records whose keys begin with a prefix, or a collection; and the range of ids that is. */
import { recordIdText, type RecordId } from "../operation.ts";

export interface FeedFilter {
  readonly tenant: string;
  readonly collection: string;
  /** One record. */
  readonly key?: string | undefined;
  /** Goes without `key`; absent is all of the collection. */
  readonly prefix?: string | undefined;
}

/** Record ids (`recordIdText`) by their bytes: from `first` on, before `past`. */
export interface IdRange {
  readonly first: string;
  readonly past: string;
}

/** No key has a NUL, so that this is the next id. */
const NEXT = "\u0001";
/** Sorts after the line feed that ends a collection's name in an id. */
const PAST_COLLECTION = "\u000b";
const CODE_POINT_MAX = 0x10ffff;
const SURROGATES_FIRST = 0xd800;
const SURROGATES_LAST = 0xdfff;

export function rangeOf({ tenant, collection, key, prefix = "" }: FeedFilter): IdRange {
  const first = recordIdText({ tenant, collection, key: key ?? prefix });
  if (key !== undefined) return { first, past: first + NEXT };
  return { first, past: pastPrefix(prefix, `${tenant}\n${collection}`) };
}

/** The first id after all whose keys begin with the prefix. */
function pastPrefix(prefix: string, collectionText: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === CODE_POINT_MAX) continue;
    const next = last + 1 === SURROGATES_FIRST ? SURROGATES_LAST + 1 : last + 1;
    return `${collectionText}\n${String.fromCodePoint(...points, next)}`;
  }
  return collectionText + PAST_COLLECTION;
}

export function isOfFilter({ collection, key, prefix = "", tenant }: FeedFilter, record: RecordId): boolean {
  if (record.tenant !== tenant || record.collection !== collection) return false;
  return key === undefined ? record.key.startsWith(prefix) : record.key === key;
}

/** One text per filter: equal filters have equal texts. */
export function filterText({ tenant, collection, key, prefix = "" }: FeedFilter): string {
  return `${tenant}\n${collection}\n${key === undefined ? `p${prefix}` : `k${key}`}`;
}

/** Ranges that cover those of all filters, and no more of them than a query may have: of many, the whole collections. */
export function coveringRanges(filters: readonly FeedFilter[], rangesMax: number): IdRange[] {
  const exact = distinct(filters.map(rangeOf));
  if (exact.length <= rangesMax) return exact;
  const whole = distinct(filters.map(({ tenant, collection }) => rangeOf({ tenant, collection })));
  if (whole.length <= rangesMax) return whole;
  return [{ first: "", past: String.fromCodePoint(CODE_POINT_MAX) }];
}

function distinct(ranges: readonly IdRange[]): IdRange[] {
  return [...new Map(ranges.map((range) => [`${range.first}\0${range.past}`, range])).values()];
}
