/** Requests that begin to wait for the log or its fold: from then on they are counted apart from those that are worked on. */
import { GatewayError } from "../errors.ts";
import type { Refusal } from "./refusals.ts";

/** Called whenever a request begins to wait; tells why it may not. */
export type OnWait = () => Refusal | undefined;

const TOO_MANY_WAIT = "as many requests wait for the log as may; nothing was done";

/** @returns why the request may not wait; undefined where it may. */
export function refusalToWait(onWait: OnWait | undefined): GatewayError | undefined {
  const refusal = onWait?.();
  return refusal && new GatewayError("overloaded", TOO_MANY_WAIT, refusal);
}

/** @throws {GatewayError} overloaded. */
export function checkMayWait(onWait: OnWait | undefined): void {
  const refusal = refusalToWait(onWait);
  if (refusal !== undefined) throw refusal;
}
