/** Finds the region for each request, and looks after all of them in the background of requests: no timers of its own. */
import type { Outcome } from "../request/attempt.ts";
import type { Platform } from "../platform.ts";
import { chooseRegion, startRegion, stepRegion, type RegionEvent, type RegionState } from "./health.ts";

export interface RegionAddress {
  readonly name: string;
  /** Without a slash at the end. */
  readonly url: string;
}

/** Looks at a region. */
export interface Lookout {
  /** Whether it is ready. */
  ready(region: RegionAddress): Promise<Outcome>;
  /** Whether it has folded what the session has seen; true where nobody can tell. */
  hasCaughtUp(region: RegionAddress): Promise<boolean>;
  /** It has gone away: what waits for it has to choose again. */
  left(region: RegionAddress): void;
}

/** The first request waits so long to hear which region is near. */
const FIRST_LOOK_MS_MAX = 1_000;

export class Router {
  readonly #platform: Platform;
  readonly #lookout: Lookout;
  readonly #regions: readonly RegionAddress[];
  readonly #looking = new Set<string>();
  #states: readonly RegionState[];
  #current: string | undefined;
  #first: Promise<void> | undefined;

  constructor(platform: Platform, regions: readonly RegionAddress[], lookout: Lookout) {
    this.#platform = platform;
    this.#lookout = lookout;
    this.#regions = regions;
    this.#states = regions.map(({ name }) => startRegion(name));
  }

  get count(): number {
    return this.#regions.length;
  }

  /** Where the last request went; undefined before the first. */
  get current(): string | undefined {
    return this.#current;
  }

  get states(): readonly RegionState[] {
    return this.#states;
  }

  address(name: string): RegionAddress {
    return this.#regions.find((region) => region.name === name)!;
  }

  /** @param tried regions that had their turn. */
  choose(tried: readonly string[]): Promise<RegionAddress> | RegionAddress {
    const [only, other] = this.#regions;
    if (other !== undefined) return this.#chooseOne(tried);
    this.#current = only!.name;
    return only!;
  }

  async #chooseOne(tried: readonly string[]): Promise<RegionAddress> {
    this.#first ??= this.#lookFirst();
    if (this.#current === undefined) await this.#first;
    this.#lookAround();
    const name = chooseRegion(this.#states, { current: this.#current, tried });
    this.#current = name;
    return this.address(name);
  }

  report(name: string, event: RegionEvent): void {
    const now = { nowMs: this.#platform.nowMs(), fraction: this.#platform.random() };
    const before = this.#states.find((state) => state.name === name)!;
    const after = stepRegion(before, event, now);
    this.#states = this.#states.map((state) => (state === before ? after : state));
    if (after.isAway && !before.isAway) this.#lookout.left(this.address(name));
  }

  /** All at once: who answers first is nearest. */
  #lookFirst(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#platform.after(FIRST_LOOK_MS_MAX, resolve);
      const finish = () => {
        cancel();
        resolve();
      };
      const looks = this.#regions.map(async (region) => {
        await this.#look(region);
        if (this.#states.some(({ roundTripMs }) => roundTripMs !== undefined)) finish();
      });
      void Promise.all(looks).then(finish);
    });
  }

  /** Where it is time for it. Each region is looked at by one at a time. */
  #lookAround(): void {
    const nowMs = this.#platform.nowMs();
    for (const { name, lookAtMs } of this.#states) if (lookAtMs <= nowMs) void this.#look(this.address(name));
  }

  async #look(region: RegionAddress): Promise<void> {
    if (this.#looking.has(region.name)) return;
    this.#looking.add(region.name);
    try {
      const startedMs = this.#platform.nowMs();
      const outcome = await this.#lookout.ready(region);
      const roundTripMs = this.#platform.nowMs() - startedMs;
      const { isAway } = this.#states.find(({ name }) => name === region.name)!;
      const isFound = outcome.type === "answered" && (!isAway || (await this.#lookout.hasCaughtUp(region)));
      this.report(region.name, isFound ? { type: "found", roundTripMs } : { type: "missed" });
    } finally {
      this.#looking.delete(region.name);
    }
  }
}
