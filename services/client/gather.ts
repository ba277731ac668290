/**
 * Writes that a region takes alone, and that come while others are on their way, go together: one request, in which each
 * has a key, a receipt or an error of its own. A write that comes alone goes alone, and at once.
 */
import { writeLines, type Line } from "./bulk.ts";
import type { Fields } from "./define/types.ts";
import type { Receipt } from "./receipt.ts";
import { overloaded, type Sender } from "./request/sender.ts";

/** Requests with a collection's writes; with more of them, fewer writes would come together. */
const IN_FLIGHT_MAX = 4;

interface Waiting {
  readonly line: Line;
  readonly untilMs: number;
  /** Sends it in a request of its own. */
  readonly alone: (deadlineMs: number) => Promise<Receipt>;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

export class Gather {
  readonly #sender: Sender;
  readonly #collection: string;
  readonly #waiting: Waiting[] = [];
  #inFlight = 0;

  constructor(sender: Sender, collection: string) {
    this.#sender = sender;
    this.#collection = collection;
  }

  /** @throws {ForebayError} client-overloaded, and what a write of its own throws. */
  write(line: Line, alone: Waiting["alone"]): Promise<Receipt> {
    const { platform, deadlineMs, limits } = this.#sender;
    return new Promise((resolve, reject) => {
      if (this.#waiting.length > limits.waitingMax) throw overloaded();
      this.#waiting.push({ line, untilMs: platform.nowMs() + deadlineMs, alone, resolve, reject });
      // Not before the app has said all that it says in one go.
      queueMicrotask(() => this.#send());
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#inFlight < IN_FLIGHT_MAX) {
      const writes = this.#waiting.splice(0, this.#sender.limits.gatherMax);
      this.#inFlight += 1;
      void this.#sendAll(writes)
        .catch((error: unknown) => writes.forEach(({ reject }) => reject(error)))
        .then(() => {
          this.#inFlight -= 1;
          this.#send();
        });
    }
  }

  async #sendAll(writes: readonly Waiting[]): Promise<void> {
    const [first] = writes as readonly [Waiting];
    const deadlineMs = first.untilMs - this.#sender.platform.nowMs();
    if (deadlineMs <= 0) throw overloaded();
    if (writes.length === 1) return first.resolve(await first.alone(deadlineMs));
    const lines = writes.map(({ line }) => line);
    const request = { collection: this.#collection, lines, options: { deadlineMs } };
    for (const [index, { receipt, error }] of (await writeLines(this.#sender, request)).entries()) {
      if (error === undefined) writes[index]!.resolve(receipt);
      else writes[index]!.reject(error);
    }
  }
}

/** Whether every region takes it alone, as the app has declared the fields. */
export function isLocal(fields: Fields, write: object): boolean {
  return Object.entries(write).every(
    ([operator, names]: [string, object]) =>
      !/^(take|if|fence|authoritative)$/.test(operator) &&
      (Array.isArray(names) ? (names as string[]) : Object.keys(names)).every(
        (name) => (fields[name]?.body.class ?? "authoritative") !== "authoritative",
      ),
  );
}
