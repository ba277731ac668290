/**
 * What a subscription has told so far, and from where it goes on. Pure.
 *
 *   begin ──state…──▶ state, complete ──changes──▶ following ──┐
 *     ▲                                              ▲         │ broken: from the last cursor
 *     └── broken before it was complete              └─────────┘
 */
import type { FieldValues, Fields } from "../define/types.ts";
import type { Position } from "../receipt.ts";
import type { ChangesFrame, RecordState, StateFrame } from "../../protocol/http/feed.ts";

/** A record as it is now. */
export interface RecordChange<F extends Fields> {
  readonly key: string;
  /** undefined where it is deleted or has expired. */
  readonly fields: FieldValues<F> | undefined;
  readonly version: string;
  /** The region's own operations in it that the log has not ordered; 0 is committed. */
  readonly pending: number;
  /** Where the log committed what of it is committed. */
  readonly position: Position | undefined;
}

export interface Batch<F extends Fields> {
  /** state: part of what there is; changes: what has become of it since. */
  readonly type: "state" | "changes";
  /** The state begins, or begins anew: what was told before of records that don't come again is no more. */
  readonly isFirst: boolean;
  /** With this batch all of the state has been told. */
  readonly isComplete: boolean;
  readonly records: readonly RecordChange<F>[];
  /**
   * To go on after this batch, in any region: for `subscribe({ cursor, unsettled })`. It stands for what is committed alone:
   * of records that were told as pending up to here, and not as committed since, `unsettled` has the keys.
   */
  readonly cursor: string | undefined;
}

export interface Follow {
  readonly cursor: string | undefined;
  /** A part of the state has come, and not yet all of it. */
  readonly isInState: boolean;
  /** By key: the version of what was told as pending. A reconnect tells it again. */
  readonly pending: ReadonlyMap<string, string>;
  /** More were pending than are remembered. */
  readonly hasForgotten: boolean;
}

/** Beyond that a pending state may be told twice. */
export const PENDING_REMEMBERED_MAX = 10_000;
/** As many as a server takes. */
export const UNSETTLED_KEYS_MAX = 256;
/** Of all of them together: a frame that a client sends has its bounds, and an address has to stay short. */
export const UNSETTLED_CHARACTERS_MAX = { webSocket: 16_384, http: 4_096 } as const;

export function startFollow(cursor: string | undefined, unsettled: readonly string[] = []): Follow {
  // As what they were told is not known: whatever they are is news.
  const pending = new Map(unsettled.map((key) => [key, ""]));
  return { cursor, isInState: false, pending, hasForgotten: false };
}

export interface Place {
  readonly cursor?: string;
  /** Records that were told as pending: what was may come to nothing, which no cursor tells. */
  readonly unsettled?: string[];
}

/**
 * From where another connection goes on; from the state, where too much was pending to name it.
 */
export function placeOf({ cursor, pending, hasForgotten }: Follow, isOverHttp: boolean): Place {
  const keys = [...pending.keys()];
  if (cursor === undefined || hasForgotten || keys.length > UNSETTLED_KEYS_MAX) return {};
  if (unsettledText(keys).length > UNSETTLED_CHARACTERS_MAX[isOverHttp ? "http" : "webSocket"]) return {};
  return keys.length === 0 ? { cursor } : { cursor, unsettled: keys };
}

/** As the parameter of an address has it. */
export function unsettledText(keys: readonly string[]): string {
  return keys.map(encodeURIComponent).join();
}

/** A connection is gone: a state that is not complete begins anew. */
export function breakOff(follow: Follow): Follow {
  return { ...follow, isInState: false };
}

/** @returns also the batch, unless the frame has nothing new. */
export function receive<F extends Fields>(
  follow: Follow,
  frame: StateFrame | ChangesFrame,
): { readonly follow: Follow; readonly batch: Batch<F> | undefined } {
  const isState = frame.type === "state";
  const isFirst = isState && !follow.isInState;
  const isComplete = isState && frame.complete === true;
  const pending = new Map(isFirst ? [] : follow.pending);
  const fresh = frame.records.filter((record) => isNews(record, pending));
  const hasForgotten = (!isFirst && follow.hasForgotten) || pending.size > PENDING_REMEMBERED_MAX;
  while (pending.size > PENDING_REMEMBERED_MAX) pending.delete(pending.keys().next().value!);
  const cursor = frame.cursor ?? (isState ? undefined : follow.cursor);
  const isEmpty = fresh.length === 0 && !isFirst && !isComplete && cursor === follow.cursor;
  const batch: Batch<F> = {
    type: frame.type,
    isFirst,
    isComplete,
    records: fresh.map(changeOf<F>),
    cursor: frame.cursor,
  };
  return {
    follow: { cursor, isInState: isState && !isComplete, pending, hasForgotten },
    batch: isEmpty ? undefined : batch,
  };
}

function isNews({ key, version, pending: count }: RecordState, pending: Map<string, string>): boolean {
  const told = pending.get(key);
  pending.delete(key);
  if (count === 0) return true;
  pending.set(key, version);
  return told !== version;
}

function changeOf<F extends Fields>({
  key,
  fields,
  version,
  pending,
  position,
}: RecordState): RecordChange<F> {
  return { key, fields: fields as FieldValues<F> | undefined, version, pending, position };
}
