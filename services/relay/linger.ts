/**
 * For how long rows gather behind a small batch before they go into the next entry: each entry costs every region a commit,
 * and the log a write to three disks. Nobody waits for it, so it is put off for a few times what commits of this region take
 * of late: where processors and disks have little to spare, there are fewer entries. A row that comes after a pause is sent
 * at once.
 */
export const LINGER_MS_MIN = 25;
export const LINGER_MS_MAX = 100;
const COMMITS = 16;
/** Of the newest commit in the mean: half of it is of the last few. */
const NEWEST_WEIGHT = 1 / 8;

export class Linger {
  #commitMs: number | undefined;

  /** This region's fold has committed. */
  committed(durationMs: number): void {
    this.#commitMs ??= durationMs;
    this.#commitMs += NEWEST_WEIGHT * (durationMs - this.#commitMs);
  }

  get ms(): number {
    return Math.min(LINGER_MS_MAX, Math.max(LINGER_MS_MIN, COMMITS * (this.#commitMs ?? 0)));
  }
}
