/** What can be broken in a cluster on one machine, and mended again: links, processes, the log's leader. */
import { FaultError } from "../errors.ts";
import type { FaultyDirection, LinkProxies } from "../link-proxy.ts";
import type { PostgresStopMode } from "../postgres-server.ts";
import type { Site } from "../site.ts";
import { LeaderFlapper, type Flapping } from "./leader-flapper.ts";
import type { LinkFault } from "./link-fault.ts";
import { logLeader, nextLeader, stepDownLeader, type LogServer } from "./log-leader.ts";

/** A kind of process of a region. */
export type Target = "nats" | "postgres" | "region";

export interface BrokenProcess {
  readonly target: Target;
  readonly region: string;
}

/** All that is broken now; what is whole is not mentioned. */
export interface Broken {
  readonly links: readonly FaultyDirection[];
  readonly paused: readonly BrokenProcess[];
  /** Killed or stopped on purpose. */
  readonly stopped: readonly BrokenProcess[];
  readonly flapping: Flapping | undefined;
}

export interface ClusterFaultsParts {
  readonly sites: readonly Site[];
  readonly links: LinkProxies;
  /** Called whenever a process was started or ended. */
  readonly onChange: () => void;
}

const FLAPPING = "flapping";
const TARGETS: readonly Target[] = ["nats", "postgres", "region"];

export class ClusterFaults {
  readonly #parts: ClusterFaultsParts;
  /** What is done to one process, or to the one flapping, is done in turn. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #end = new AbortController();
  #flapper: LeaderFlapper | undefined;

  constructor(parts: ClusterFaultsParts) {
    this.#parts = parts;
  }

  /**
   * Changes what is wrong with a link, on top of the topology's latency: see `LinkFault`. Zero mends.
   * @throws {FaultError} when there is no such link; {RangeError} for what no link can have.
   */
  impair(
    one: string,
    other: string,
    { oneWay = false, ...change }: Partial<LinkFault> & { readonly oneWay?: boolean },
  ): void {
    this.#assertLink(one, other);
    this.#parts.links.impair(one, other, change);
    if (!oneWay) {
      this.#parts.links.impair(other, one, change);
    }
  }

  /** Mends both directions of a link; what a cut has held is delivered now. @throws {FaultError} as `impair` does. */
  healLink(one: string, other: string): void {
    this.#assertLink(one, other);
    this.#parts.links.heal(one, other);
  }

  /**
   * Freezes a process with all that it has started: connections are still accepted, by the system, and never answered.
   * Nobody starts it again until `resume`, `kill`, `restart` or the end of the cluster.
   * @throws {FaultError} when it does not run, or is a PostgreSQL that was given by URL.
   */
  async pause(target: Target, region: string): Promise<void> {
    await this.#change(target, region, async (process) => {
      this.#assertRuns(target, region);
      process.pause();
    });
  }

  /** Lets a paused process go on. @throws {FaultError} when it is not paused. */
  async resume(target: Target, region: string): Promise<void> {
    await this.#change(target, region, async (process) => {
      if (!process.isPaused) {
        throw new FaultError(`${target} ${region} is not paused`);
      }
      process.resume();
    });
  }

  /** Ends a process at once, as a crash would, also a paused one. @throws {FaultError} when it does not run. */
  async kill(target: Target, region: string): Promise<void> {
    await this.#change(target, region, async (process, site) => {
      this.#assertRuns(target, region);
      site.wanted[wantedKey(target)] = false;
      await process.kill();
      this.#parts.onChange();
    });
  }

  /**
   * Stops a process in good order if it runs, and starts it.
   * @throws {StartError} when it does not come up, or is a PostgreSQL that was given by URL.
   */
  async restart(
    target: Target,
    region: string,
    options: { readonly mode?: PostgresStopMode } = {},
  ): Promise<void> {
    await this.#change(target, region, async (_, site) => {
      const key = wantedKey(target);
      site.wanted[key] = false;
      try {
        // Only a PostgreSQL can tell ways of stopping apart, and one that is not ours refuses any.
        await (target === "postgres"
          ? site.postgres.stop(options.mode ?? "fast")
          : processOf(site, target).stop());
        await startProcess(site, target, this.#end.signal);
      } finally {
        site.wanted[key] = true;
        this.#parts.onChange();
      }
    });
  }

  /** The region that leads a partition's log now; undefined while none does, as in an election. */
  async leader(partition = 0): Promise<string | undefined> {
    return await logLeader(this.#servers(), partition);
  }

  /** Has the leader step down and waits for the next. @throws {FaultError} when there is none, or it refuses. */
  async stepDown(partition = 0): Promise<{ readonly from: string; readonly to: string | undefined }> {
    const from = await stepDownLeader(this.#servers(), partition);
    return { from, to: await nextLeader(() => this.leader(partition), from) };
  }

  /** Ends the leader's nats-server at once. @returns its region. @throws {FaultError} when there is no leader now. */
  async killLeader(partition = 0): Promise<string> {
    const region = await this.leader(partition);
    if (region === undefined) {
      throw new FaultError(`the log of partition ${partition} has no leader now, so none can be killed`);
    }
    await this.kill("nats", region);
    return region;
  }

  /** Has the leader step down now and then every so often, until `stopFlapping`; takes the place of another flapping. */
  async flapLeader(options: { readonly everyMs: number; readonly partition?: number }): Promise<void> {
    await this.#inTurn(FLAPPING, async () => {
      await this.#endFlapping();
      this.#end.signal.throwIfAborted();
      const { everyMs, partition = 0 } = options;
      const stepDown = (): Promise<string> => stepDownLeader(this.#servers(), partition);
      this.#flapper = new LeaderFlapper({ everyMs, partition, stepDown });
    });
  }

  /** Harmless when nothing flaps. */
  async stopFlapping(): Promise<void> {
    await this.#inTurn(FLAPPING, () => this.#endFlapping());
  }

  async #endFlapping(): Promise<void> {
    const flapper = this.#flapper;
    this.#flapper = undefined;
    await flapper?.stop();
  }

  get broken(): Broken {
    return {
      links: this.#parts.links.faulty,
      paused: this.#processes(({ process }) => process.isPaused),
      stopped: this.#processes(
        ({ process, target, site }) =>
          !site.wanted[wantedKey(target)] && process.exited !== undefined && process.pid === undefined,
      ),
      flapping: this.#flapper?.state,
    };
  }

  /**
   * Mends everything: links, flapping, paused processes and those that were ended on purpose.
   * @throws {AggregateError} when something does not come up again; all else is mended then.
   */
  async healAll(): Promise<void> {
    const { links, paused, stopped } = this.broken;
    links.forEach(({ from, to }) => this.#parts.links.heal(from, to));
    const mended = await Promise.allSettled([
      this.stopFlapping(),
      ...paused.map(({ target, region }) => this.resume(target, region)),
      ...stopped.map(({ target, region }) => this.restart(target, region)),
    ]);
    const failures = mended.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failures.length > 0) {
      throw new AggregateError(failures, "");
    }
  }

  /** Before the cluster ends: nothing is begun any more, and nothing stays frozen, since it could not stop in good order. */
  async release(): Promise<void> {
    this.#end.abort(new FaultError("the cluster is being stopped"));
    await Promise.allSettled([this.stopFlapping(), ...this.#turns.values()]);
    for (const { target, region } of this.broken.paused) {
      processOf(this.#site(region), target).resume();
    }
  }

  #servers(): readonly LogServer[] {
    return this.#parts.sites.map(({ name, nats }) => ({
      region: name,
      url: nats.url,
      tls: nats.tls,
      monitorUrl: nats.monitorUrl,
      isRunning: nats.pid !== undefined && !nats.isPaused,
    }));
  }

  #processes(
    isMeant: (found: { process: SiteProcess; target: Target; site: Site }) => boolean,
  ): readonly BrokenProcess[] {
    return this.#parts.sites.flatMap((site) =>
      TARGETS.filter((target) => isMeant({ process: processOf(site, target), target, site })).map(
        (target) => ({ target, region: site.name }),
      ),
    );
  }

  async #change(
    target: Target,
    region: string,
    run: (process: SiteProcess, site: Site) => Promise<void>,
  ): Promise<void> {
    const site = this.#site(region);
    await this.#inTurn(`${target} ${region}`, async () => {
      this.#end.signal.throwIfAborted();
      await run(processOf(site, target), site);
    });
  }

  /** After everything else of that key, whatever came of it. */
  async #inTurn(key: string, run: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(run);
    this.#turns.set(key, turn);
    await turn;
  }

  #assertRuns(target: Target, region: string): void {
    const process = processOf(this.#site(region), target);
    if (process.pid === undefined) {
      const isGiven = target === "postgres" && process.exited === undefined;
      const reason = isGiven ? "was given by URL, so it is not ours to break" : "does not run";
      throw new FaultError(`${target} ${region} ${reason}`);
    }
  }

  #assertLink(one: string, other: string): void {
    this.#site(one);
    this.#site(other);
    if (one === other) {
      throw new FaultError(`a link joins two regions, not ${one} with itself`);
    }
  }

  #site(region: string): Site {
    const site = this.#parts.sites.find(({ name }) => name === region);
    if (site === undefined) {
      const known = this.#parts.sites.map(({ name }) => name).join(", ");
      throw new FaultError(`there is no region ${region}; known are ${known}`);
    }
    return site;
  }
}

interface SiteProcess {
  readonly pid: number | undefined;
  readonly exited: Promise<unknown> | undefined;
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

function processOf(site: Site, target: Target): SiteProcess {
  return { nats: site.nats, postgres: site.postgres, region: site.process }[target];
}

async function startProcess(site: Site, target: Target, signal: AbortSignal): Promise<void> {
  await (target === "region" ? site.process.start({}, signal) : site[target].start(signal));
}

function wantedKey(target: Target): keyof Site["wanted"] {
  return target === "region" ? "process" : target;
}
