/** How many requests, and messages over WebSockets, each tenant may send to this process. */
import { spendTokens, takeToken, type Bucket, type Rate } from "../../core/admission/rate.ts";
import type { Clock } from "../../ports/clock.ts";
import { forgetOldest } from "../../runtime/forget-oldest.ts";

/** The tenant that has come first makes room: its bucket is most likely full again. */
const TENANTS_MAX = 10_000;

export interface RateRules {
  /** Undefined: as many as there are. */
  readonly otherwise: Rate | undefined;
  readonly byTenant: ReadonlyMap<string, Rate>;
}

export class RateLimits {
  readonly #rules: RateRules;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rules: RateRules, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Takes note of a request or message. @returns when the tenant may come again, where it may not now. */
  take(tenant: string): number | undefined {
    const rate = this.#rateOf(tenant);
    if (rate === undefined) return undefined;
    const { bucket, retryAfterMs } = takeToken(rate, this.#buckets.get(tenant), this.#clock.monotonicMs());
    this.#keep(tenant, bucket);
    return retryAfterMs;
  }

  /** A request that was taken turns out to be worth so many more: its tenant may come again when those would have passed. */
  spend(tenant: string, count: number): void {
    const rate = this.#rateOf(tenant);
    if (rate === undefined || count <= 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#keep(tenant, spendTokens(rate, this.#buckets.get(tenant), { count, nowMs }));
  }

  #rateOf(tenant: string): Rate | undefined {
    return this.#rules.byTenant.get(tenant) ?? this.#rules.otherwise;
  }

  #keep(tenant: string, bucket: Bucket): void {
    this.#buckets.set(tenant, bucket);
    forgetOldest(this.#buckets, TENANTS_MAX);
  }
}
