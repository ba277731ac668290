/** Who leads each partition's log, by the word of all regions, and how often that has changed. */
import type { LeaderFacts } from "./situation.ts";
import type { RegionFacts } from "./facts.ts";

const CHURN_WINDOW_MS = 5 * 60_000;
const CHANGES_MAX = 32;

interface Known {
  /** Who has led last. */
  last: string | undefined;
  term: number | undefined;
  missing: { readonly sinceMs: number; readonly fromMs: number } | undefined;
  /** On the monotonic clock. */
  changedAtMs: number[];
}

export class Leaders {
  readonly #partitions = new Map<number, Known>();

  /** Since when is told by the viewer's clock; how long, by one that nobody sets. */
  observe(
    partition: number,
    facts: Iterable<RegionFacts>,
    { nowMs, wallMs }: { nowMs: number; wallMs: number },
  ): LeaderFacts {
    const known = this.#of(partition);
    const told = newestWord(partition, facts);
    if (told?.leader === undefined) known.missing ??= { sinceMs: wallMs, fromMs: nowMs };
    else {
      known.missing = undefined;
      if (known.last !== undefined && known.last !== told.leader) known.changedAtMs.push(nowMs);
      known.last = told.leader;
    }
    known.term = told?.term ?? known.term;
    known.changedAtMs = known.changedAtMs
      .filter((atMs) => nowMs - atMs <= CHURN_WINDOW_MS)
      .slice(-CHANGES_MAX);
    const { missing, changedAtMs } = known;
    return {
      leader: told?.leader,
      term: known.term,
      missing: missing && { sinceMs: missing.sinceMs, forMs: nowMs - missing.fromMs },
      changes: changedAtMs.length,
    };
  }

  #of(partition: number): Known {
    let known = this.#partitions.get(partition);
    if (known === undefined) {
      known = { last: undefined, term: undefined, missing: undefined, changedAtMs: [] };
      this.#partitions.set(partition, known);
    }
    return known;
  }
}

/** A leader that was cut off may go on calling itself one: the highest term counts, and of one term the newest word. */
function newestWord(
  partition: number,
  facts: Iterable<RegionFacts>,
): { leader: string | undefined; term: number | undefined; atMs: number } | undefined {
  let best: { leader: string | undefined; term: number | undefined; atMs: number } | undefined;
  for (const { state, partitions } of facts) {
    const known = partitions.get(partition);
    if (state !== "heard" || known === undefined || known.leader === undefined) continue;
    // Nobody takes what it publishes: the leader that it has heard of last is none any more.
    if (known.breaker.state !== "closed" && known.breaker.reason === "refused") continue;
    const { leader, term, atMs } = known;
    const rank = (term ?? 0) - (best?.term ?? 0);
    if (best === undefined || rank > 0 || (rank === 0 && atMs > best.atMs)) best = { leader, term, atMs };
  }
  return best;
}
