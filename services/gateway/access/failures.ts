/** How often an address may come with a credential that turns out to be wrong: guessing is slow, whoever guesses. */
import { takeToken, type Bucket, type Rate } from "../../core/admission/rate.ts";
import type { Clock } from "../../ports/clock.ts";
import { forgetOldest } from "../../runtime/forget-oldest.ts";

/** How many seconds' worth may come at once. */
const BURST_SECONDS = 20;
/** The one that came first makes room for another. */
const ADDRESSES_MAX = 10_000;
/** Whoever has an address of IPv6 has all of its network. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

export class Failures {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#rate = { perSecond, burst: perSecond * BURST_SECONDS };
  }

  get addresses(): number {
    return this.#buckets.size;
  }

  /** When the address may try again; undefined where it may now. */
  retryAfterMs(address: string): number | undefined {
    const bucket = this.#buckets.get(networkOf(address));
    if (bucket === undefined) return undefined;
    return takeToken(this.#rate, bucket, this.#clock.monotonicMs()).retryAfterMs;
  }

  failed(address: string): void {
    const network = networkOf(address);
    const { bucket } = takeToken(this.#rate, this.#buckets.get(network), this.#clock.monotonicMs());
    this.#buckets.delete(network);
    this.#buckets.set(network, bucket);
    forgetOldest(this.#buckets, ADDRESSES_MAX);
  }
}

function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [before = [], after] = address.split("::").map((part) => part.split(":").filter(Boolean));
  // What `::` stands for are zeros.
  const zeros = after === undefined ? 0 : Math.max(0, GROUPS - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...(after ?? [])];
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":");
}
