/** Randomness from the operating system; identifiers by RFC 9562. */
import { randomUUID } from "node:crypto";
import type { Random } from "../../ports/clock.ts";

const TIME_DIGITS = 12;
/** Where the random digits begin in a UUID of version 4, behind its version. */
const RANDOM_FROM = 15;

export class SystemRandom implements Random {
  /** The random part is that of a version 4 UUID, whose bytes Node draws many at a time. */
  uuid(nowMs: number): string {
    const time = Math.floor(nowMs).toString(16).padStart(TIME_DIGITS, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(RANDOM_FROM)}`;
  }

  fraction(): number {
    return Math.random();
  }
}
