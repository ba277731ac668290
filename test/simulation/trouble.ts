/** Faults at random times: each begins, lasts a while, and is undone. */
import type { SimulatedCluster } from "./cluster.ts";
import type { Restores } from "./restores.ts";

export interface TroubleOptions {
  /** Time between two faults, at least and at most. */
  readonly restMs?: readonly [number, number];
  /** Of databases to copies of before, now and then. */
  readonly restores?: Restores | undefined;
}

export class Trouble {
  readonly #cluster: SimulatedCluster;
  readonly #restMs: readonly [number, number];
  #isStarted = false;
  #isOver = false;
  isPaused = false;
  count = 0;

  readonly #restores: Restores | undefined;

  constructor(cluster: SimulatedCluster, { restMs = [200, 1_200], restores }: TroubleOptions = {}) {
    this.#cluster = cluster;
    this.#restMs = restMs;
    this.#restores = restores;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#next();
  }

  #next(): void {
    const { world } = this.#cluster;
    world.after(world.random.integer(...this.#restMs), () => {
      if (this.#isOver) return;
      if (!this.isPaused) {
        this.count += 1;
        this.#strike();
      }
      this.#next();
    });
  }

  #strike(): void {
    const { world, regions, servers } = this.#cluster;
    const { random } = world;
    const region = random.pick(regions);
    const durationMs = random.integer(200, 4_000);
    if (this.#restores !== undefined && random.chance(0.25)) return this.#restores.strike(region);
    const kind = random.pick(["kill", "election", "cut", "database", "crash", "answers", "clock"] as const);
    world.trace(`${kind} ${region.name} ${durationMs}`);
    switch (kind) {
      case "kill": {
        const victim = region.processes[0];
        if (victim !== undefined) this.#cluster.kill(region, victim.process, "at random");
        return;
      }
      case "election":
        servers.leader = undefined;
        servers.term += 1;
        world.after(durationMs, () => (servers.leader = region.name));
        return;
      case "cut":
        servers.cutOff.add(region.name);
        world.after(durationMs, () => servers.cutOff.delete(region.name));
        return;
      case "database":
        region.storeFaults.isDown = true;
        world.after(durationMs, () => (region.storeFaults.isDown = false));
        return;
      case "crash":
        region.database.fallBack();
        region.storeFaults.isDown = true;
        world.after(durationMs / 10, () => (region.storeFaults.isDown = false));
        return;
      case "answers":
        region.storeFaults.lostAnswers = 0.05;
        world.after(durationMs, () => (region.storeFaults.lostAnswers = 0));
        return;
      case "clock":
        region.machine.offsetMs = random.integer(-3_000, 3_000);
        return;
    }
  }

  end(): void {
    const { regions, servers, options } = this.#cluster;
    this.#isOver = true;
    this.#cluster.isCalm = true;
    servers.leader = regions[0]!.name;
    servers.cutOff.clear();
    Object.assign(options.logFaults, {
      lostAcknowledgements: 0,
      lostPublishes: 0,
      duplicates: 0,
      lostSubscriptions: 0,
    });
    Object.assign(options.busFaults, { lostRequests: 0, lostAnswers: 0 });
    for (const region of regions) Object.assign(region.storeFaults, { isDown: false, lostAnswers: 0 });
  }
}
