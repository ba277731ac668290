/** What a credential has turned out to be. */
import type { Identity } from "../../core/access/identity.ts";
import { GatewayError } from "../errors.ts";

export interface Verified {
  readonly identity: Identity;
  /** By the wall clock; undefined where it does not expire. */
  readonly expiresAtMs?: number | undefined;
  /** How long it can be taken for right without another look. */
  readonly freshMs: number;
}

/** As it is remembered. */
export interface Remembered extends Verified {
  /** By the monotonic clock: when somebody has last said that it is right. */
  readonly verifiedAtMs: number;
}

/** It was right once: whoever comes with it does not guess. */
export class ExpiredCredentialError extends GatewayError {
  constructor() {
    super("unauthenticated", "the credential has expired");
  }
}

/** The same for whatever is wrong with a key: a guess is told nothing. */
export function unauthenticated(detail: string): GatewayError {
  return new GatewayError("unauthenticated", detail);
}
