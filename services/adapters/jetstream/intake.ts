/** Puts what arrives in order: the next position is kept until it is taken, an earlier one dropped, a later one is a gap. */
import type { LogMessage } from "../../ports/global-log.ts";

export class Intake {
  #messages: LogMessage[] = [];
  #bytes = 0;
  #expected: number;
  #duplicatesDropped = 0;

  /** @param from the first position that is expected. */
  constructor(from: number) {
    this.#expected = from;
  }

  /** The position that has to come next. */
  get expected(): number {
    return this.#expected;
  }

  get messagesHeld(): number {
    return this.#messages.length;
  }

  get bytesHeld(): number {
    return this.#bytes;
  }

  get duplicatesDropped(): number {
    return this.#duplicatesDropped;
  }

  offer(message: LogMessage): "taken" | "duplicate" | "gap" {
    if (message.position > this.#expected) return "gap";
    if (message.position < this.#expected) {
      this.#duplicatesDropped += 1;
      return "duplicate";
    }
    this.#expected += 1;
    this.#bytes += message.data.byteLength;
    this.#messages.push(message);
    return "taken";
  }

  /** The next messages, at least one if there is any, then as many as fit. */
  take({ messagesMax, bytesMax }: { messagesMax: number; bytesMax: number }): LogMessage[] {
    let count = 0;
    let bytes = 0;
    for (const message of this.#messages) {
      if (count > 0 && (count >= messagesMax || bytes + message.data.byteLength > bytesMax)) break;
      count += 1;
      bytes += message.data.byteLength;
    }
    this.#bytes -= bytes;
    return this.#messages.splice(0, count);
  }
}
