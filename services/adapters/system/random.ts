/** Randomness from the operating system; identifiers by RFC 9562. */
import { randomFillSync } from "node:crypto";
import type { Random } from "../../ports/clock.ts";

const UUID_BYTES = 16;
const TIMESTAMP_BYTES = 6;

export class SystemRandom implements Random {
  uuid(nowMs: number): string {
    const bytes = randomFillSync(Buffer.alloc(UUID_BYTES));
    bytes.writeUIntBE(Math.floor(nowMs), 0, TIMESTAMP_BYTES);
    bytes[6] = 0x70 | (bytes[6]! & 0x0f);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    const hex = bytes.toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  fraction(): number {
    return Math.random();
  }
}
