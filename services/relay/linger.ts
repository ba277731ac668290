/**
 * For how long after a batch rows gather for the next: each entry costs every region a commit, and the log a write to three
 * disks. So the next one is put off for some times what commits of this region take of late: the dearer they are, the fewer
 * entries there are. Only what an applier of this process commits is known; without one rows gather as if commits were quick.
 */
export const LINGER_MS_MIN = 25;
export const LINGER_MS_MAX = 100;
const COMMITS = 16;
/** Of the newest commit in the mean: half of it is of the last few. */
const NEWEST_WEIGHT = 1 / 8;
/** What was before says nothing of now: the applier may be in another process since. Ticks alone make a commit a second. */
const RECENT_MS = 5_000;

/** All times are of one monotonic clock. */
export class Linger {
  #commits: { readonly meanMs: number; readonly endedAtMs: number } | undefined;

  /** This region's fold has committed. */
  committed({ durationMs, endedAtMs }: { durationMs: number; endedAtMs: number }): void {
    const before = this.#meanMs(endedAtMs) ?? durationMs;
    this.#commits = { meanMs: before + NEWEST_WEIGHT * (durationMs - before), endedAtMs };
  }

  ms(nowMs: number): number {
    return Math.min(LINGER_MS_MAX, Math.max(LINGER_MS_MIN, COMMITS * (this.#meanMs(nowMs) ?? 0)));
  }

  #meanMs(nowMs: number): number | undefined {
    const commits = this.#commits;
    return commits === undefined || nowMs - commits.endedAtMs > RECENT_MS ? undefined : commits.meanMs;
  }
}
