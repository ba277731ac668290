/**
 * Keeps what stamps decide away from a process whose clock is off: a value that it took would win, or lose, wrongly. What merges
 * whatever the stamps are is taken on, and so is what the log decides.
 */
import { describeDoubt } from "../core/clock-skew.ts";
import { STAMPED_KINDS, type Change } from "../core/fields/kind.ts";
import { GatewayError } from "./errors.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const RETRY_AFTER_MS = 5_000;

export class ClockGate {
  readonly #options: Pick<GatewayOptions, "region" | "clockDoubt">;

  constructor(options: Pick<GatewayOptions, "region" | "clockDoubt">) {
    this.#options = options;
  }

  /** @throws {GatewayError} clock-skew. */
  check(changes: readonly Change[]): void {
    const { region, clockDoubt } = this.#options;
    const doubt = clockDoubt?.();
    if (doubt === undefined) return;
    const stamped = changes.find(({ kind }) => STAMPED_KINDS.has(kind));
    if (stamped === undefined) return;
    const { field, kind } = stamped;
    const message = `region ${region} can't stamp the write rightly: ${describeDoubt(doubt)}, and "${field}" is ${kind}, where the later stamp wins; send it to another region`;
    throw new GatewayError("clock-skew", message, { field, retryAfterMs: RETRY_AFTER_MS });
  }
}
