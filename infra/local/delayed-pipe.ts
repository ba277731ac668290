/**
 * Carries the bytes of one direction of a connection: read → hold for the delay → write, in order.
 * While the link is cut nothing is delivered; what TCP would keep in its buffers is kept here, up to a bound.
 */
import type { Socket } from "node:net";
import { heldMs, heldMsMax, type LinkCondition } from "./faults/link-fault.ts";

interface Held {
  /** Undefined stands for the end of the stream. */
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

/** Four times what a fast link has on its way; beyond it the sender feels back-pressure. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;
const COMPACT_AFTER = 1_024;

export interface DelayedPipeOptions {
  readonly from: Socket;
  readonly to: Socket;
  readonly condition: () => LinkCondition;
  readonly nowMs: () => number;
  readonly random: () => number;
}

export class DelayedPipe {
  readonly #options: DelayedPipeOptions;
  readonly #held: Held[] = [];
  #first = 0;
  #heldBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #hasEnded = false;

  constructor(options: DelayedPipeOptions) {
    this.#options = options;
    options.from.on("data", (bytes) => this.take(bytes));
    options.from.once("end", () => this.#takeEnd());
    // A reset looks like an end to the other side, and travels as late as everything before it.
    options.from.once("close", () => this.#takeEnd());
    options.to.on("drain", () => this.deliver());
  }

  /** The link has changed: what is held waits no longer than if it had set out now. */
  adapt(): void {
    const { condition, nowMs } = this.#options;
    const latestMs = nowMs() + heldMsMax(condition());
    this.#lastDueMs = Math.min(this.#lastDueMs, latestMs);
    // Due times ascend, and still do when all of them get the same bound.
    for (let index = this.#held.length - 1; index >= this.#first; index -= 1) {
      const held = this.#held[index]!;
      if (held.dueMs <= latestMs) break;
      this.#held[index] = { ...held, dueMs: latestMs };
    }
    this.deliver();
  }

  /** Delivers what is due. */
  deliver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { to, condition, nowMs } = this.#options;
    while (!this.#isClosed && !condition().isCut && !to.writableNeedDrain) {
      const next = this.#held[this.#first];
      if (next === undefined) {
        break;
      }
      const waitMs = next.dueMs - nowMs();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.deliver(), Math.ceil(waitMs));
        break;
      }
      this.#drop();
      this.#write(next.bytes);
    }
    this.#applyBackPressure();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#held.length = 0;
    this.#first = 0;
    this.#heldBytes = 0;
  }

  /** Takes bytes that were read from the source; also those that were read before this pipe was made. */
  take(bytes: Buffer): void {
    this.#heldBytes += bytes.byteLength;
    this.#hold(bytes);
  }

  #takeEnd(): void {
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#hold(undefined);
    }
  }

  #hold(bytes: Buffer | undefined): void {
    if (this.#isClosed) {
      return;
    }
    const { condition, nowMs, random } = this.#options;
    // Never earlier than the bytes before: jitter must not reorder a stream.
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs() + heldMs(condition(), [random(), random()]));
    this.#held.push({ bytes, dueMs: this.#lastDueMs });
    if (this.#timer === undefined) {
      this.deliver();
    } else {
      this.#applyBackPressure();
    }
  }

  #drop(): void {
    this.#heldBytes -= this.#held[this.#first]?.bytes?.byteLength ?? 0;
    this.#first += 1;
    if (this.#first >= COMPACT_AFTER || this.#first === this.#held.length) {
      this.#held.splice(0, this.#first);
      this.#first = 0;
    }
  }

  #write(bytes: Buffer | undefined): void {
    const { to } = this.#options;
    if (to.destroyed || !to.writable) {
      return;
    }
    if (bytes === undefined) {
      to.end();
    } else {
      to.write(bytes);
    }
  }

  #applyBackPressure(): void {
    const { from } = this.#options;
    if (this.#heldBytes > HELD_BYTES_MAX) {
      from.pause();
    } else if (from.isPaused()) {
      from.resume();
    }
  }
}
