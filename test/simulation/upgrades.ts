/** Regions are upgraded process by process at random times, under load, and some go back for a while. */
import { ENTRY_VERSION, TRACES_VERSION } from "../../services/protocol/entry-codec.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import type { Slot } from "./releases.ts";
import { Process, type World } from "./world.ts";

export interface UpgradePlan {
  /** What the older release reads. */
  readonly oldReads: number;
  readonly oldRegions: readonly string[];
  /** How often a region goes back. */
  readonly returns: number;
  /** How long it is before that, at least and at most. */
  readonly pauseMs: readonly [number, number];
  /** How long it stays there, at least and at most. */
  readonly awayMs: readonly [number, number];
}

/** @param regions some of which begin with the older release. */
export function planUpgrades({ random }: World, regions: readonly string[]): UpgradePlan {
  const old = regions.filter(() => random.chance(0.5));
  return {
    // What only the newest version has is one thing, what is said in another way without it another.
    oldReads: random.pick([ENTRY_VERSION - 1, ENTRY_VERSION - 1, TRACES_VERSION - 1]),
    oldRegions: old.length === 0 ? [random.pick(regions)] : old,
    returns: random.pick([0, 1, 2, 2]),
    // After the longer one what only the newest release reads has often been folded.
    pauseMs: random.pick([[200, 6_000] as const, [14_000, 20_000] as const]),
    // Some stay for longer than what they promised before.
    awayMs: [200, random.pick([3_000, 30_000])],
  };
}

export class Upgrades {
  readonly #cluster: SimulatedCluster;
  readonly #plan: UpgradePlan;
  /** Told of a region that goes back. */
  readonly #onReturn: (region: string) => void;
  upgraded = 0;
  returned = 0;

  constructor(cluster: SimulatedCluster, plan: UpgradePlan, onReturn: (region: string) => void) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#onReturn = onReturn;
  }

  /** Resolves once all regions are upgraded for good. */
  async run(): Promise<void> {
    const { world } = this.#cluster;
    const { random } = world;
    const operator = new Process(world, "operator");
    for (let round = 0; round < this.#plan.returns; round += 1) {
      // Also before all are upgraded, when nothing keeps a region from it.
      await this.#upgradeAll(operator, random.chance(0.4) ? 1 : Infinity);
      await operator.pass(random.integer(...this.#plan.pauseMs));
      await this.#return(operator, random.pick(this.#cluster.regions));
      await operator.pass(random.integer(...this.#plan.awayMs));
    }
    await this.#upgradeAll(operator, Infinity);
  }

  async #upgradeAll(operator: Process, most: number): Promise<void> {
    const { random } = operator.world;
    for (let count = 0; count < most; count += 1) {
      const old = this.#slots().filter(({ slot }) => slot.reads < ENTRY_VERSION);
      if (old.length === 0) return;
      await operator.pass(random.integer(200, 2_500));
      const { region, slot } = random.pick(old);
      this.upgraded += 1;
      this.#replace(region, slot, ENTRY_VERSION);
    }
  }

  /** All its processes, or some of them. */
  async #return(operator: Process, region: SimulatedRegion): Promise<void> {
    const { random } = operator.world;
    const most = random.integer(1, region.slots.length);
    for (const slot of region.slots.slice(0, most)) {
      if (slot.reads < ENTRY_VERSION) continue;
      this.returned += 1;
      this.#onReturn(region.name);
      this.#replace(region, slot, this.#plan.oldReads);
      await operator.pass(random.integer(200, 2_500));
    }
  }

  /** One that is being started is replaced once it looks whether it may. */
  #replace(region: SimulatedRegion, slot: Slot, reads: number): void {
    const { world } = this.#cluster;
    slot.reads = reads;
    const running = region.processes.find((one) => one.slot === slot);
    world.trace(`release ${reads} in ${region.name}`);
    if (running === undefined) return;
    // One that is told to stop takes its leave; one that is ended does not.
    if (world.random.chance(0.5)) region.database.entryVersions.forget(running.process.name);
    this.#cluster.kill(region, running.process, "for another release");
  }

  #slots(): { region: SimulatedRegion; slot: Slot }[] {
    return this.#cluster.regions.flatMap((region) => region.slots.map((slot) => ({ region, slot })));
  }
}
