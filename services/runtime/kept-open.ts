/**
 * What is kept open for others, by name: for as long as somebody asks for it, and never for longer than its life. Behind an
 * open snapshot a database can't tidy up.
 */
import type { Clock } from "../ports/clock.ts";

/** idle: nobody has asked for it. old: it was open for too long. */
export type Expiry = "idle" | "old";

export interface KeptOpenOptions<Value> {
  readonly clock: Clock;
  readonly idleMsMax: number;
  readonly lifeMsMax: number;
  /** Between two looks at whether it was asked for. */
  readonly lookEveryMs: number;
  /** Called once for each, when it is no longer kept because of its age. */
  readonly expired: (name: string, value: Value, why: Expiry) => void;
}

interface Kept<Value> {
  readonly value: Value;
  readonly over: AbortController;
  askedAtMs: number;
}

export class KeptOpen<Value> {
  readonly #options: KeptOpenOptions<Value>;
  readonly #kept = new Map<string, Kept<Value>>();

  constructor(options: KeptOpenOptions<Value>) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(name: string): boolean {
    return this.#kept.has(name);
  }

  /** Oldest first. */
  entries(): [string, Value][] {
    return [...this.#kept].map(([name, { value }]) => [name, value]);
  }

  /** In place of what was kept under the name, which has ended then. */
  keep(name: string, value: Value): void {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.letGo(name);
    if (before !== undefined) this.#options.expired(name, before, "old");
    const kept = { value, over: new AbortController(), askedAtMs: nowMs };
    this.#kept.set(name, kept);
    void this.#watch(name, kept, nowMs + this.#options.lifeMsMax);
  }

  /** Undefined where it is not kept, or not any more; otherwise it counts as asked for. */
  ask(name: string): Value | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    kept.askedAtMs = this.#options.clock.monotonicMs();
    return kept.value;
  }

  /** Undefined where it was let go of before: whoever gets it closes it. */
  letGo(name: string): Value | undefined {
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    kept?.over.abort();
    return kept?.value;
  }

  async #watch(name: string, kept: Kept<Value>, untilMs: number): Promise<void> {
    const { clock, idleMsMax, lookEveryMs, expired } = this.#options;
    for (;;) {
      await clock.sleep(lookEveryMs, kept.over.signal);
      if (kept.over.signal.aborted) return;
      const nowMs = clock.monotonicMs();
      if (nowMs < untilMs && nowMs - kept.askedAtMs < idleMsMax) continue;
      this.letGo(name);
      return expired(name, kept.value, nowMs < untilMs ? "idle" : "old");
    }
  }
}
