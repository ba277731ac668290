/**
 * An observed-remove set in which adding wins (Shapiro et al., "A comprehensive study of CRDTs", 2011), without tags or
 * tombstones: a removal takes away the additions that happened before it, and those alone.
 *
 * Of each origin only the latest addition of an element is kept: whoever has seen it has seen the earlier ones.
 */
import { own, type JsonValue } from "../../json.ts";
import {
  FIELD_ENTRIES_MAX,
  happenedBefore,
  ineffective,
  type Applied,
  type FieldKind,
  type WriteContext,
} from "../kind.ts";

/** Log position of the latest addition by origin. */
type Additions = { readonly [origin: string]: number };

export interface SetState {
  readonly kind: "set";
  /** By the element's JSON text. */
  readonly elements: { readonly [element: string]: Additions };
}

const EMPTY: SetState = { kind: "set", elements: {} };

export const set: FieldKind<SetState> = {
  operators: ["add", "remove"],
  apply(state, change, write) {
    const elements = (change.argument as readonly JsonValue[]).map((element) => JSON.stringify(element));
    const before = state ?? EMPTY;
    return change.operator === "add" ? add(before, elements, write) : remove(before, elements, write);
  },
  show: (state) =>
    Object.keys(state.elements)
      .sort()
      .map((element) => JSON.parse(element) as JsonValue),
  forget: (state) => state,
};

function add(state: SetState, added: readonly string[], write: WriteContext): Applied<SetState> {
  const elements = { ...state.elements };
  let room = FIELD_ENTRIES_MAX - Object.keys(elements).length;
  const refused: string[] = [];
  for (const element of added) {
    const present = own(elements, element);
    if (present === undefined && room === 0) {
      refused.push(element);
      continue;
    }
    if (present === undefined) room -= 1;
    elements[element] = { ...unseen(present ?? {}, write), [write.origin]: write.position };
  }
  const { hlc, origin, operation } = write;
  const losses = refused.map((element) => ({
    reason: "full" as const,
    loser: { origin, hlc, operation, operator: "add" as const, value: JSON.parse(element) as JsonValue },
    winner: { origin, hlc, value: FIELD_ENTRIES_MAX },
  }));
  if (added.length > 0 && refused.length === added.length) return ineffective(state, losses);
  return { state: { kind: "set", elements }, effective: true, losses };
}

function remove(state: SetState, removed: readonly string[], write: WriteContext): Applied<SetState> {
  const elements = { ...state.elements };
  for (const element of removed) {
    const additions = own(elements, element);
    if (additions === undefined) continue;
    const left = unseen(additions, write);
    if (Object.keys(left).length === 0) delete elements[element];
    else elements[element] = left;
  }
  return { state: { kind: "set", elements }, effective: true, losses: [] };
}

/** The additions that the write did not know of. */
function unseen(additions: Additions, write: WriteContext): Additions {
  const entries = Object.entries(additions);
  return Object.fromEntries(
    entries.filter(([origin, position]) => !happenedBefore({ origin, position }, write)),
  );
}
