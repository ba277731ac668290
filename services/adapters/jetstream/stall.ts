/**
 * Notices that messages are in the log and don't come, although heartbeats do.
 *
 * The head is read twice, some ticks apart: stalled is what has not come in between although it was there at first.
 */

const QUIET_TICKS_MAX = 5;

export class StallDetector {
  readonly #head: () => Promise<number>;
  #quietTicks = 0;
  /** The head at the first look; undefined before it. */
  #seenHead: number | undefined;
  #isAsking = false;

  /** @param head last position of the log; a failure means that nobody knows at the moment. */
  constructor(head: () => Promise<number>) {
    this.#head = head;
  }

  sawMessage(): void {
    this.#quietTicks = 0;
    this.#seenHead = undefined;
  }

  /**
   * To be called at a steady pace while messages may come. Never rejects.
   * @param expected the position that has to come next.
   */
  async tick(expected: number): Promise<boolean> {
    this.#quietTicks += 1;
    if (this.#quietTicks < QUIET_TICKS_MAX || this.#isAsking) return false;
    this.#quietTicks = 0;
    if (this.#seenHead !== undefined && this.#seenHead >= expected) return true;
    this.#isAsking = true;
    try {
      this.#seenHead = await this.#head();
    } catch {
      // Without a leader nobody knows the head; the next look may tell.
      this.#seenHead = undefined;
    } finally {
      this.#isAsking = false;
    }
    return false;
  }
}
