/** Remembers when the head of a WAL passed which sequence, within a bound: the longer ago, the more roughly. */

const POINTS_MAX = 96;

/** The head was here from when to when. */
interface Point {
  readonly head: number;
  readonly fromMs: number;
  toMs: number;
}

export class HeadTrack {
  #points: Point[] = [];

  /** A head was heard of. One that went back is another database's: what was remembered counts no more. */
  observe(head: number, atMs: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && head === last.head) {
      last.toMs = Math.max(last.toMs, atMs);
      return;
    }
    if (last !== undefined && head < last.head) this.#points = [];
    // Reports come later than what others tell of the same head: time does not go back for that.
    const fromMs = Math.max(atMs, last?.toMs ?? atMs);
    this.#points.push({ head, fromMs, toMs: fromMs });
    if (this.#points.length > POINTS_MAX) this.#thin();
  }

  /**
   * About when a sequence was taken, between two times at which the head was heard of. Of one from before all that is
   * remembered: the earliest of these, so that an age is never too high. Undefined for one that the head has not reached.
   */
  passedAtMs(sequence: number): number | undefined {
    const points = this.#points;
    let [low, high] = [0, points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle]!.head >= sequence) high = middle;
      else low = middle + 1;
    }
    const [before, after] = [points[low - 1], points[low]];
    if (after === undefined) return undefined;
    if (before === undefined) return after.fromMs;
    const share = (sequence - before.head) / (after.head - before.head);
    return before.toMs + share * (after.fromMs - before.toMs);
  }

  /** Of the older half every other point goes. */
  #thin(): void {
    const half = this.#points.length >> 1;
    this.#points = this.#points.filter((_, index) => index >= half || index % 2 === 0);
  }
}
