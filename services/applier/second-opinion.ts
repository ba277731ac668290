/**
 * What other regions say the log is. Every tick carries its region's position and the hash chain there; a region that
 * folded the same positions compares. This finds a log that reads differently in two regions (I6, I16) within seconds.
 */
import type { TickEntry } from "../core/entry.ts";
import { forgetOldest } from "../runtime/forget-oldest.ts";

const HISTORY_MAX = 8_192;

export interface Opinion {
  readonly region: string;
  readonly position: number;
  readonly agrees: boolean;
}

export class SecondOpinion {
  readonly #chains = new Map<number, string>();
  readonly #disagreeing = new Set<string>();

  /** Remembers the chain at a folded position. */
  remember(position: number, chain: string): void {
    this.#chains.set(position, chain);
    forgetOldest(this.#chains, HISTORY_MAX);
  }

  /** What a tick says about our chain; undefined where it can't tell. */
  hear(entry: TickEntry): Opinion | undefined {
    const ours = this.#chains.get(entry.appliedPosition);
    if (ours === undefined) return undefined;
    const agrees = ours === entry.chain;
    if (agrees) this.#disagreeing.delete(entry.origin);
    else this.#disagreeing.add(entry.origin);
    return { region: entry.origin, position: entry.appliedPosition, agrees };
  }

  /** True when more than half of the members hold another log: then it is ours that is wrong. */
  isOutvoted(members: number): boolean {
    return this.#disagreeing.size > members / 2;
  }
}
