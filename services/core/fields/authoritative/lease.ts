/** A lease: who holds a name, until when by log time. Written by `decide/lease.ts` alone. */
import { unreachable } from "../../assert.ts";
import type { FieldKind } from "../kind.ts";

export interface LeaseState {
  readonly kind: "lease";
  /** Null once it is released. */
  readonly holder: string | null;
  /** Log position of the grant, or more where one entry grants it twice: it rises with every grant, and fences later writes. */
  readonly token: number;
  readonly expiresAtMs: number;
}

export const lease: FieldKind<LeaseState> = {
  operators: [],
  apply: (_state, change) => unreachable(change as never),
  show: ({ holder, token, expiresAtMs }) => ({ holder, token, expiresAtMs }),
  forget: (state) => state,
};

/** Held at a log time. The instant of expiry still belongs to the holder. */
export function isHeld(state: LeaseState, logTimeMs: number): boolean {
  return state.holder !== null && logTimeMs <= state.expiresAtMs;
}
