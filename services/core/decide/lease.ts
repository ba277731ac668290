/**
 * Leases: granted against log time, which every region reads alike. The token of a grant is its log position, so it rises
 * from grant to grant (fencing tokens: Gray and Cheriton, "Leases", 1989; Burrows, "The Chubby lock service", 2006).
 */
import { isHeld, type LeaseState } from "../fields/authoritative/lease.ts";
import { own } from "../json.ts";
import type { LeaseAction } from "../proposal.ts";
import type { StoredRecord } from "../record.ts";
import { LEASE_FIELD } from "../reserved.ts";
import { RejectedError } from "./rejection.ts";

/** @throws {RejectedError} lease-held, lease-lost */
export function decideLease(input: {
  action: LeaseAction;
  name: string;
  record: StoredRecord | undefined;
  position: number;
  logTimeMs: number;
}): LeaseState {
  const { action, name, record, position, logTimeMs } = input;
  const state = record && (own(record.fields, LEASE_FIELD) as LeaseState | undefined);
  switch (action.type) {
    case "acquire": {
      const isTaken = state !== undefined && isHeld(state, logTimeMs) && state.holder !== action.holder;
      if (isTaken) throw new RejectedError("lease-held", `lease "${name}" is held by "${state.holder}"`);
      const { holder, ttlMs } = action;
      // One entry can grant a lease twice.
      const token = Math.max(position, (state?.token ?? 0) + 1);
      return { kind: "lease", holder, token, expiresAtMs: logTimeMs + ttlMs };
    }
    case "renew":
      return {
        ...heldWith({ name, state, token: action.token, logTimeMs }),
        expiresAtMs: logTimeMs + action.ttlMs,
      };
    case "release":
      return { ...heldWith({ name, state, token: action.token, logTimeMs }), holder: null, expiresAtMs: 0 };
  }
}

function heldWith(input: {
  name: string;
  state: LeaseState | undefined;
  token: number;
  logTimeMs: number;
}): LeaseState {
  const { name, state, token, logTimeMs } = input;
  if (state !== undefined && state.token === token && isHeld(state, logTimeMs)) return state;
  throw new RejectedError("lease-lost", `lease "${name}" is not held with token ${token} any more`);
}
