/**
 * The relay's decisions: WAL rows → batches → a window of publishes, in order.
 *
 *                    failed, refused by the fold
 *   streaming ───────────────────────────────────▶ doubt ──▶ all publishes settled ──▶ pause
 *       ▲                                                                                │
 *       └──────────────── from the folded watermark ◀──────────────────── resumed ◀──────┘
 *
 * After any doubt the relay goes on from what the log has folded, not from what it believes it sent: what did land is
 * dropped by the fold, what did not is sent again.
 */
import { assert, unreachable } from "../core/assert.ts";
import { chain } from "../core/hash.ts";
import { encodeOperation } from "../protocol/entry-codec.ts";
import type { WalRow } from "../ports/region-store.ts";
import {
  adaptWindow,
  narrowForRegion,
  REGION_DELAY_MS_MAX,
  restartWindow,
  startWindow,
  type RelayWindow,
} from "./window.ts";

/** A batch is closed at this size; one row alone may exceed it. */
export const BATCH_BYTES_MAX = 192 * 1024;
export const BATCH_ROWS_MAX = 1_024;
/** Of one batch, for each that the window has room for: right after an outage batches are small as well as few. */
const BATCH_ROWS_PER_WINDOW = 128;
/** Doubts that may follow each other closely, and how many publishes have to succeed for each further one. */
export const RETRIES_MAX = 10;
/** Of entries on their way to other regions. */
const SAMPLE_MS = 100;
const SAMPLES_MAX = 128;
const RETRIES_PER_PUBLISH = 1 / 8;

/** A batch ready to be encoded. */
export interface Batch {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly previous: string;
  readonly lines: readonly string[];
  readonly traces: readonly TracedOperation[];
}

/** An operation of a batch that has a trace. */
export interface TracedOperation {
  readonly index: number;
  readonly id: string;
  readonly trace: string;
}

/** A place in the origin's WAL, with the head of its hash chain there. */
interface Place {
  readonly sequence: number;
  readonly chain: string;
}

/** A publish, by the last sequence in it, and when it was sent. */
interface Sent {
  readonly last: number;
  readonly sentAtMs: number;
}

type Placed = Sent & { readonly position: number };

export interface RelayState {
  readonly phase: "streaming" | "doubt";
  readonly epoch: number;
  /** How far the own fold has come. */
  readonly folded: Place & { readonly position: number };
  /** How far rows were handed to publishes. */
  readonly cursor: Place;
  /** How many publishes may be on their way to the own fold. */
  readonly window: RelayWindow;
  /** Publishes whose outcome is open. */
  readonly inFlight: readonly Sent[];
  /** Publishes that the log acknowledged and the own fold has not passed. */
  readonly unfolded: readonly Placed[];
  /** Some of those that the own fold has passed and the slowest region, as far as is heard, has not; oldest first. */
  readonly travelling: readonly Placed[];
  readonly isReading: boolean;
  /** Rows may have come since the read under way began. */
  readonly isWoken: boolean;
  readonly isPausing: boolean;
  /** Doubts in a row, for the back-off. */
  readonly failures: number;
  /** Doubts that may be followed by a short pause; publishes that succeed earn new ones. */
  readonly retries: number;
}

/** All times are of one monotonic clock. */
export type RelayEvent =
  /** There may be rows to read. */
  | { readonly type: "wake" }
  | {
      readonly type: "read";
      readonly after: number;
      readonly rows: readonly WalRow[];
      readonly isFull: boolean;
      readonly nowMs: number;
    }
  | { readonly type: "acknowledged"; readonly last: number; readonly position: number }
  /** Not stored, or unknown: either way a doubt. */
  | { readonly type: "failed"; readonly last: number }
  | {
      readonly type: "folded";
      readonly position: number;
      readonly sequence: number;
      readonly chain: string;
      /** How far the slowest of the regions is that keep up. */
      readonly slowest: number;
      readonly nowMs: number;
    }
  | { readonly type: "resumed" };

export type RelayEffect =
  | { readonly type: "read"; readonly after: number; readonly rowsMax: number }
  | { readonly type: "publish"; readonly batch: Batch }
  /** With the budget spent the pause is a long one, whatever the attempt. */
  | { readonly type: "pause"; readonly attempt: number; readonly isSpent: boolean };

export interface RelayStep {
  readonly state: RelayState;
  readonly effects: readonly RelayEffect[];
}

export function startRelay(options: { epoch: number; folded: RelayState["folded"] }): RelayState {
  const { epoch, folded } = options;
  return {
    phase: "streaming",
    epoch,
    folded,
    cursor: { sequence: folded.sequence, chain: folded.chain },
    window: startWindow(),
    inFlight: [],
    unfolded: [],
    travelling: [],
    isReading: false,
    isWoken: false,
    isPausing: false,
    failures: 0,
    retries: RETRIES_MAX,
  };
}

export function stepRelay(state: RelayState, event: RelayEvent): RelayStep {
  switch (event.type) {
    case "wake":
      return readMore({ ...state, isWoken: state.isReading });
    case "read":
      return afterRead({ ...state, isReading: false }, event);
    case "acknowledged":
      return acknowledge(state, event);
    case "failed":
      return settleDoubt({ ...doubt(state), inFlight: without(state.inFlight, event.last) });
    case "folded":
      return advanceFolded(state, event);
    case "resumed":
      return readMore(resume(state));
    default:
      return unreachable(event);
  }
}

function hasRoom(state: RelayState): boolean {
  return state.inFlight.length + state.unfolded.length < state.window.size;
}

function readMore(state: RelayState): RelayStep {
  if (state.phase !== "streaming" || state.isReading || !hasRoom(state)) return { state, effects: [] };
  const rowsMax = Math.min(BATCH_ROWS_MAX, Math.floor(BATCH_ROWS_PER_WINDOW * state.window.size));
  const read = { type: "read", after: state.cursor.sequence, rowsMax } as const;
  return { state: { ...state, isReading: true }, effects: [read] };
}

function afterRead(state: RelayState, event: Extract<RelayEvent, { type: "read" }>): RelayStep {
  const step = publishRows({ ...state, isWoken: false }, event);
  if (!state.isWoken) return step;
  const next = readMore(step.state);
  return { state: next.state, effects: [...step.effects, ...next.effects] };
}

function publishRows(state: RelayState, event: Extract<RelayEvent, { type: "read" }>): RelayStep {
  // Rows read before a doubt or a jump of the cursor are stale.
  const isStale = state.phase !== "streaming" || event.after !== state.cursor.sequence;
  if (isStale) return event.rows.length > 0 ? readMore(state) : { state, effects: [] };
  if (event.rows.length === 0) return { state, effects: [] };
  const { batch, end } = makeBatch(state, event.rows);
  const inFlight = [...state.inFlight, { last: batch.last, sentAtMs: event.nowMs }];
  const published: RelayState = { ...state, cursor: end, inFlight };
  const next = event.isFull ? readMore(published) : { state: published, effects: [] };
  return { state: next.state, effects: [{ type: "publish", batch }, ...next.effects] };
}

function makeBatch(state: RelayState, rows: readonly WalRow[]): { batch: Batch; end: Place } {
  const first = rows[0]!.sequence;
  assert(first === state.cursor.sequence + 1, `the WAL has a gap after ${state.cursor.sequence}`);
  const lines = rows.map(encodeOperation);
  let head = state.cursor.chain;
  for (const line of lines) head = chain(head, line);
  const last = rows.at(-1)!.sequence;
  assert(last - first + 1 === rows.length, `the WAL has a gap between ${first} and ${last}`);
  const traces = rows.flatMap(({ id, trace }, index) => (trace === undefined ? [] : [{ index, id, trace }]));
  return {
    batch: { epoch: state.epoch, first, last, previous: state.cursor.chain, lines, traces },
    end: { sequence: last, chain: head },
  };
}

function acknowledge(state: RelayState, event: Extract<RelayEvent, { type: "acknowledged" }>): RelayStep {
  const inFlight = without(state.inFlight, event.last);
  if (state.phase === "doubt") return settleDoubt({ ...state, inFlight });
  const sent = state.inFlight.filter(({ last }) => last === event.last);
  const unfolded = [...state.unfolded, ...sent.map((one) => ({ ...one, position: event.position }))];
  const retries = Math.min(RETRIES_MAX, state.retries + RETRIES_PER_PUBLISH);
  return checkFolded(state, { ...state, inFlight, unfolded, failures: 0, retries });
}

function advanceFolded(state: RelayState, event: Extract<RelayEvent, { type: "folded" }>): RelayStep {
  const { position, sequence } = event;
  const folded = { position, sequence, chain: event.chain };
  const travelling = follow(state, event);
  // After a doubt it stays small until it is over.
  const isStreaming = state.phase === "streaming";
  const window = isStreaming ? windowAfter({ ...state, travelling }, event) : state.window;
  const heard = { ...state, folded, travelling, window };
  if (sequence <= state.cursor.sequence) return checkFolded(state, heard);
  const passed = checkFolded(state, { ...heard, cursor: { sequence, chain: event.chain } });
  const next = readMore(passed.state);
  return { state: next.state, effects: [...passed.effects, ...next.effects] };
}

/** One in a while is enough to know how far a region is behind. */
function follow(
  { unfolded, travelling }: RelayState,
  { position, slowest }: { position: number; slowest: number },
): readonly Placed[] {
  const followed = travelling.filter((entry) => entry.position > slowest);
  for (const entry of unfolded) {
    const isSample = entry.sentAtMs - (followed.at(-1)?.sentAtMs ?? -Infinity) >= SAMPLE_MS;
    if (entry.position <= position && entry.position > slowest && isSample) followed.push(entry);
  }
  return followed.length > SAMPLES_MAX ? followed.slice(-SAMPLES_MAX) : followed;
}

/** By how long the entries took that the fold has passed now, from being sent on; and by how late the slowest region is. */
function windowAfter(
  state: RelayState,
  { position, nowMs }: { position: number; nowMs: number },
): RelayWindow {
  const isRegionLate = nowMs - (state.travelling[0]?.sentAtMs ?? nowMs) > REGION_DELAY_MS_MAX;
  // However fast the own fold is: what is sent now comes behind all that the other region has yet to fold.
  const room = { isFull: !hasRoom(state), mayGrow: !isRegionLate };
  const passed = state.unfolded.filter((entry) => entry.position <= position);
  const window = passed.reduce(
    (adapted, { sentAtMs }) => adaptWindow(adapted, { sentAtMs, nowMs }, room),
    state.window,
  );
  return isRegionLate ? narrowForRegion(window, nowMs) : window;
}

/**
 * Once the fold has passed an entry of ours, its operations are folded, or the fold has refused it. Rows that found no room
 * are read when there is some; of others the relay is woken, and need not look at every fold.
 */
function checkFolded(before: RelayState, state: RelayState): RelayStep {
  const passed = state.unfolded.filter((entry) => entry.position <= state.folded.position);
  const unfolded = state.unfolded.filter((entry) => entry.position > state.folded.position);
  const refused = passed.some((entry) => entry.last > state.folded.sequence);
  if (refused && state.phase === "streaming") return settleDoubt({ ...doubt(state), unfolded });
  const settled = { ...state, unfolded };
  return hasRoom(before) ? { state: settled, effects: [] } : readMore(settled);
}

/** The log takes less than was sent to it, whatever the reason. */
function doubt(state: RelayState): RelayState {
  if (state.phase === "doubt") return state;
  return { ...state, phase: "doubt", window: restartWindow(state.window) };
}

/** A doubt is over once no publish is on its way: then nothing of ours can land behind our back any more, but late ones. */
function settleDoubt(state: RelayState): RelayStep {
  if (state.inFlight.length > 0 || state.isPausing) return { state, effects: [] };
  const failures = state.failures + 1;
  const isSpent = state.retries < 1;
  const retries = Math.max(0, state.retries - 1);
  return {
    state: { ...state, isPausing: true, failures, retries },
    effects: [{ type: "pause", attempt: failures, isSpent }],
  };
}

function resume(state: RelayState): RelayState {
  const { sequence, chain: head } = state.folded;
  const cursor = { sequence, chain: head };
  // A region that had no log to fold was not slow.
  return { ...state, phase: "streaming", isPausing: false, cursor, unfolded: [], travelling: [] };
}

function without(list: readonly Sent[], last: number): Sent[] {
  return list.filter((sent) => sent.last !== last);
}
