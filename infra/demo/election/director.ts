/** Plays the story on a cluster: finds the leader, breaks something, says so, mends it, and sees how long the rest takes. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LocalCluster } from "../../local/cluster.ts";
import { DeadlineError, FaultError } from "../../local/errors.ts";
import { waitFor } from "../../local/wait.ts";
import type { EventKind, StoryEvent } from "./recording.ts";
import { ANNOUNCEMENTS, MENDED, type StoryTimes } from "./story.ts";
import type { StatusWatch } from "./watch.ts";

const LEADER_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 30_000;

export interface DirectorOptions {
  readonly cluster: Pick<LocalCluster, "regions" | "faults" | "cutLink" | "healLink" | "startNats">;
  readonly watch: StatusWatch;
  readonly times: StoryTimes;
  readonly elapsedSeconds: () => number;
  /** What happens, in a sentence. */
  readonly announce: (text: string) => void;
  /** What has happened, in a few words. */
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What the requests say of it is added when they have all been answered. */
export type PlayedEvent = Omit<StoryEvent, "away">;

/** Draining goes on while the story does, and maybe longer. */
export type StagedEvent = Omit<PlayedEvent, "drainSeconds"> & {
  readonly drainSeconds: Promise<number | undefined>;
};

export class Director {
  readonly #options: DirectorOptions;

  constructor(options: DirectorOptions) {
    this.#options = options;
  }

  /** @throws {DeadlineError} when the log has no leader for so long that the story can't go on; the signal's reason. */
  async play(): Promise<StagedEvent[]> {
    const { times, elapsedSeconds } = this.#options;
    await this.#pause(times.quiet);
    const killed = await this.#event("killed", (leader) => this.#kill(leader));
    await this.#pause(times.rest);
    const flapped = await this.#event("flapped", () => this.#flap());
    await this.#pause(times.rest);
    const cutOff = await this.#event("cut-off", (leader) => this.#cutOff(leader));
    await this.#pause(times.last);
    // Up to a whole second, so that the last one is as long as all others.
    await this.#pause(Math.ceil(elapsedSeconds()) - elapsedSeconds());
    return [killed, flapped, cutOff];
  }

  /** @param breakAndMend returns when the log lost its leader. */
  async #event(
    kind: EventKind,
    breakAndMend: (leader: string) => Promise<readonly number[]>,
  ): Promise<StagedEvent> {
    const { watch, times, elapsedSeconds, announce, note, signal } = this.#options;
    const find = () => watch.leader;
    const leader = await waitFor(find, { what: "leader of the log", timeoutMs: LEADER_TIMEOUT_MS, signal });
    announce(ANNOUNCEMENTS[kind]({ leader, others: this.#othersOf(leader), times }));
    const fromSeconds = elapsedSeconds();
    const faultsAtSeconds = await breakAndMend(leader);
    const toSeconds = elapsedSeconds();
    note(MENDED[kind](leader));
    const drainSeconds = this.#drained();
    // Should the story be broken off, nobody asks any more.
    drainSeconds.catch(() => undefined);
    return { kind, leader, fromSeconds, toSeconds, faultsAtSeconds, drainSeconds };
  }

  async #kill(leader: string): Promise<readonly number[]> {
    const { cluster, times, elapsedSeconds, note } = this.#options;
    const atSeconds = elapsedSeconds();
    await cluster.faults.kill("nats", leader);
    note(`the nats-server of ${leader} was killed`);
    await this.#pause(times.killed);
    await cluster.startNats(leader);
    return [atSeconds];
  }

  async #flap(): Promise<readonly number[]> {
    const { cluster, times, elapsedSeconds, note } = this.#options;
    const untilSeconds = elapsedSeconds() + times.flap;
    const faults: number[] = [];
    while (elapsedSeconds() < untilSeconds) {
      const atSeconds = elapsedSeconds();
      try {
        const { from, to } = await cluster.faults.stepDown();
        faults.push(atSeconds);
        note(`the log's leader moved from ${from} to ${to ?? "nobody yet"}`);
      } catch (error) {
        // An election is under way: the next step-down finds its winner.
        if (!(error instanceof FaultError)) throw error;
        note(error.message);
      }
      await this.#pause(atSeconds + times.flapEvery - elapsedSeconds());
    }
    return faults;
  }

  async #cutOff(leader: string): Promise<readonly number[]> {
    const { cluster, times, elapsedSeconds, note } = this.#options;
    const atSeconds = elapsedSeconds();
    const others = this.#othersOf(leader);
    for (const other of others) cluster.cutLink(leader, other);
    note(`${leader} was cut off`);
    await this.#pause(times.cut);
    for (const other of others) cluster.healLink(leader, other);
    return [atSeconds];
  }

  /** Undefined when what is in the buffers now does not drain; why not is told by the check at the end. */
  async #drained(): Promise<number | undefined> {
    const { watch, signal } = this.#options;
    try {
      return await watch.reach(await watch.goalNow(), { timeoutMs: DRAIN_TIMEOUT_MS, signal });
    } catch (error) {
      if (error instanceof DeadlineError || signal.aborted) return undefined;
      throw error;
    }
  }

  #othersOf(region: string): string[] {
    return this.#options.cluster.regions.map(({ name }) => name).filter((name) => name !== region);
  }

  async #pause(seconds: number): Promise<void> {
    await sleep(Math.max(0, seconds) * 1_000, undefined, { signal: this.#options.signal });
  }
}
