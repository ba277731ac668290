/** Databases that go back: to a copy of some time ago, or to nothing. What was lost with them is known. */
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import type { DatabaseCopy } from "./database.ts";

/** How old a copy is at least. */
const COPY_EVERY_MS = 1_500;

export class Restores {
  readonly #cluster: SimulatedCluster;
  readonly #copies = new Map<string, DatabaseCopy>();
  /** Operations that were only in a WAL which is gone. */
  readonly lost = new Set<string>();
  count = 0;
  /** How often an operator had to say which database counts. */
  forced = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
  }

  /** Keeps a copy of each database now and then. */
  start(): void {
    const { world, regions } = this.#cluster;
    for (const region of regions) {
      this.#takeBack(region);
      if (!this.#copies.has(region.name) || world.random.chance(0.4))
        this.#copies.set(region.name, region.database.copy());
    }
    world.after(COPY_EVERY_MS, () => this.start());
  }

  /**
   * A copy of before its region has rejoined can't be told from another database that is still there: an operator says that
   * it is the only one.
   */
  #takeBack({ database }: SimulatedRegion): void {
    const { random } = this.#cluster.world;
    for (const partition of database.partitionNumbers()) {
      if (database.walHead(partition).trouble?.kind !== "displaced") continue;
      this.forced += 1;
      database.startRejoin({ partition, id: random.uuid() });
    }
  }

  /** Its processes die with it, as they lose their connections, and come again. */
  strike(region: SimulatedRegion): void {
    const { world } = this.#cluster;
    const copy = world.random.chance(0.7) ? this.#copies.get(region.name) : undefined;
    world.trace(`restore ${region.name} ${copy === undefined ? "nothing" : "copy"}`);
    this.count += 1;
    this.#cluster.wentBack.add(region.name);
    const before = this.#known(region);
    region.database.restore(copy);
    const after = this.#known(region);
    for (const id of before) if (!after.has(id)) this.lost.add(id);
    for (const { process } of region.processes.slice())
      this.#cluster.kill(region, process, "with its database");
  }

  /** Whatever is in the region's WAL, or set aside of it. */
  #known({ database }: SimulatedRegion): Set<string> {
    const rows = database
      .partitionNumbers()
      .flatMap((partition) => [...database.walRows(partition), ...database.setAside(partition)]);
    return new Set(rows.map(({ id }) => id));
  }
}
