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
  /** Requests that others wait behind. */
  #inFlight = 0;

  constructor(sender: Sender, collection: string) {
    this.#sender = sender;
    this.#collection = collection;
  }

  /** Whether the write may go with others. */
  takes(text: string): boolean {
    return text.length < LINE_CHARACTERS_MAX;
  }

  add(line: GatheredLine): void {
    if (this.#waiting.length > this.#sender.limits.waitingMax) return line.reject(overloaded());
    this.#waiting.push(line);
    // Not before the app has said all that it says in one go.
    queueMicrotask(() => this.#send());
  }

  #send(): void {
    const linesMax = Math.min(LINES_MAX, this.#sender.limits.gatherMax);
    while (this.#waiting.length > 0 && this.#inFlight < IN_FLIGHT_MAX)
      this.#sendSome(this.#waiting.splice(0, linesMax));
  }

  #sendSome(some: readonly GatheredLine[]): void {
    const { platform, deadlineMs } = this.#sender;
    const leftMsOf = ({ untilMs }: GatheredLine) => untilMs - platform.nowMs();
    // They have one deadline, the first one's: who has waited for long keeps nobody else to its own.
    const [hasTime, hasLittle] = [true, false].map((has) =>
      some.filter((line) => leftMsOf(line) * 2 > deadlineMs === has),
    );
    for (const lines of [hasTime!, hasLittle!]) this.#sendLines(lines, leftMsOf);
  }

  #sendLines(some: readonly GatheredLine[], leftMsOf: (line: GatheredLine) => number): void {
    const lines = some.filter((line) => leftMsOf(line) > 0 || line.reject(overloaded()));
    const [first, second] = lines;
    if (first === undefined) return;
    const onAnswered = this.#begin();
    if (second === undefined) {
      const receipt = first.alone();
      first.resolve(receipt);
      return void receipt.then(onAnswered, onAnswered);
    }
    const together = { collection: this.#collection, lines, onAnswered };
    sendTogether(this.#sender, together, { deadlineMs: leftMsOf(first) }).catch((error: ForebayError) => {
      onAnswered();
      for (const { reject } of lines) reject(error);
    });
  }

  /** @returns what has those that wait go: called by itself after a while. */
  #begin(): () => void {
    this.#inFlight += 1;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#inFlight -= 1;
      this.#send();
    };
    const cancel = this.#sender.platform.after(PATIENCE_MS, end);
    return end;
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
