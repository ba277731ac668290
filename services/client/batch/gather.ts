/**
 * Writes that a region takes alone, and that come while others are on their way, go together. A write that comes alone goes
 * alone, and at once.
 */
import type { Fields } from "../define/types.ts";
import type { ForebayError } from "../errors.ts";
import { overloaded, type Sender } from "../request/sender.ts";
import { sendTogether, type Line } from "./together.ts";

/** Requests with a collection's writes; with more of them, fewer writes would come together. */
const IN_FLIGHT_MAX = 4;
/** Those that take longer keep nobody waiting. */
const PATIENCE_MS = 100;
/** All that go together are far from what a request may have. */
const LINES_MAX = 64;
const LINE_CHARACTERS_MAX = 3_500;

export interface GatheredLine extends Line {
  readonly alone: NonNullable<Line["alone"]>;
  readonly untilMs: number;
}

export class Gather {
  readonly #sender: Sender;
  readonly #collection: string;
  readonly #waiting: GatheredLine[] = [];
  #inFlight = 0;
  #isTimed = false;

  constructor(sender: Sender, collection: string) {
    this.#sender = sender;
    this.#collection = collection;
  }

  /** Whether the write may go with others. */
  takes(text: string): boolean {
    return text.length < LINE_CHARACTERS_MAX && this.#sender.limits.gatherMax > 1;
  }

  add(line: GatheredLine): void {
    if (this.#waiting.length > this.#sender.limits.waitingMax) return line.reject(overloaded());
    this.#waiting.push(line);
    // Not before the app has said all that it says in one go.
    queueMicrotask(() => this.#send(0));
  }

  /** @param more requests that go although enough are on their way. */
  #send(more: number): void {
    const { platform, limits } = this.#sender;
    for (; this.#waiting.length > 0 && (this.#inFlight < IN_FLIGHT_MAX || more > 0); more -= 1)
      this.#sendSome(this.#waiting.splice(0, Math.min(LINES_MAX, limits.gatherMax)));
    if (this.#isTimed || this.#waiting.length === 0) return;
    this.#isTimed = true;
    platform.after(PATIENCE_MS, () => {
      this.#isTimed = false;
      this.#send(1);
    });
  }

  #sendSome(some: readonly GatheredLine[]): void {
    const nowMs = this.#sender.platform.nowMs();
    const [lines, late] = [true, false].map((isInTime) =>
      some.filter((one) => one.untilMs > nowMs === isInTime),
    );
    for (const { reject } of late!) reject(overloaded());
    const [first] = lines!;
    if (first === undefined) return;
    this.#inFlight += 1;
    const onAnswered = () => {
      this.#inFlight -= 1;
      this.#send(0);
    };
    if (lines!.length > 1) {
      let isAnswered = false;
      const answered = () => {
        if (!isAnswered) onAnswered();
        isAnswered = true;
      };
      const together = { collection: this.#collection, lines: lines!, onAnswered: answered };
      const sent = sendTogether(this.#sender, together, { deadlineMs: first.untilMs - nowMs });
      return void sent.catch((error: ForebayError) => {
        answered();
        for (const { reject } of lines!) reject(error);
      });
    }
    const receipt = first.alone();
    first.resolve(receipt);
    receipt.then(onAnswered, onAnswered);
  }
}

/** Whether every region takes it alone, as the app has declared the fields. */
export function isLocal(fields: Fields, write: object): boolean {
  return Object.entries(write).every(
    ([operator, names]: [string, unknown]) =>
      !/^(take|if|fence|authoritative)$/.test(operator) &&
      (Array.isArray(names) ? (names as string[]) : Object.keys(Object(names) as object)).every(
        (name) => Object.hasOwn(fields, name) && fields[name]!.body.class !== "authoritative",
      ),
  );
}
