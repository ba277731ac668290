/**
 * Verification and repair under trouble, in small: barriers are put into the log, every region's snapshots at them are
 * compared with the log folded from outside, rows are planted in databases, and repairs take them away again. Other repairs
 * race against the clients' writes, and must change nothing.
 */
import type { BarrierObserver, BarrierStop } from "../../services/applier/barrier-stop.ts";
import { rowHash } from "../../services/core/digest.ts";
import type { BarrierEntry, RecordRepair, RepairEntry } from "../../services/core/entry.ts";
import { recordIdText, type RecordId } from "../../services/core/operation.ts";
import type { StoredRecord } from "../../services/core/record.ts";
import { differingLeaves, DigestTree } from "../../services/core/verify/digest-tree.ts";
import { StoreUnavailableError, type RegionStore } from "../../services/ports/region-store.ts";
import type { PartitionSnapshot } from "../../services/ports/partition-snapshot.ts";
import { encodeEntry } from "../../services/protocol/entry-codec.ts";
import { PLANTED_COLLECTION, type Checker } from "./checker.ts";
import type { SimulatedCluster, SimulatedRegion } from "./cluster.ts";
import { roundTrip } from "./document.ts";
import { require } from "./require.ts";
import { SimulatedSnapshot } from "./snapshot.ts";
import { Process } from "./world.ts";

const LEAVES = 64;

export class Verification {
  readonly #cluster: SimulatedCluster;
  readonly #checker: Checker;
  /** What the log says at each barrier, by its id. */
  readonly #expected = new Map<string, PartitionSnapshot>();
  #planted = 0;
  #rounds = 0;
  readonly failures: unknown[] = [];
  isOver = false;
  /** Checkpoints that were compared. */
  compared = 0;

  /** Looks at barriers of all regions that are started from now on. */
  constructor(cluster: SimulatedCluster, checker: Checker) {
    this.#cluster = cluster;
    this.#checker = checker;
    cluster.observerOf = ({ region, ports: { store } }): BarrierObserver => ({
      atBarrier: (stop) => this.#look(region, store, stop),
    });
  }

  start(): void {
    this.#run().catch((error: unknown) => this.failures.push(error));
  }

  /** Whether all that was planted has been taken away, in every region. */
  get isClean(): boolean {
    const isPlanted = ({ collection }: RecordId) => collection === PLANTED_COLLECTION;
    return (
      this.#rounds === 0 &&
      this.#cluster.regions.every(({ database }) =>
        database.partitionNumbers().every((partition) => !database.records(partition).some(isPlanted)),
      )
    );
  }

  async #run(): Promise<void> {
    const { world } = this.#cluster;
    const process = new Process(world, "reconciler");
    for (;;) {
      await process.pass(world.random.integer(300, 1_500));
      if (this.isOver) return;
      this.#rounds += 1;
      await this.#round(process);
      this.#rounds -= 1;
    }
  }

  async #round(process: Process): Promise<void> {
    const { world, servers, regions, options } = this.#cluster;
    const partition = world.random.integer(0, options.partitions - 1);
    if (this.#checker.reference(partition).state.cluster === null) return;
    const region = world.random.pick(regions);
    const planted = this.#plant(region, partition);
    const barrier: BarrierEntry = {
      kind: "barrier",
      origin: region.name,
      id: world.random.uuid(),
      purpose: "verify",
    };
    servers.store(partition, encodeEntry(barrier));
    const reference = this.#checker.reference(partition);
    const { position: at, logTimeMs: atMs } = reference.state;
    const right = [...reference.records.values()].map((record) => roundTrip(record));
    const data = {
      state: reference.state,
      records: right,
      outcomes: [],
      conflicts: [],
      logCreatedAtMs: undefined,
    };
    const calls = { pass: () => Promise.resolve(), isOver: () => false };
    this.#expected.set(barrier.id, new SimulatedSnapshot(data, calls));
    const unneeded = right.length === 0 ? [] : [world.random.pick(right)].map(repairOfRight);
    const about = { id: world.random.uuid(), at, atMs, reason: "simulation" };
    const repair: RepairEntry = {
      kind: "repair",
      origin: region.name,
      ...about,
      records: [planted, ...unneeded],
    };
    await process.pass(world.random.integer(0, 1_500));
    servers.store(partition, encodeEntry(repair));
  }

  /** A row that nobody has folded, in one region, and the repair that removes it. */
  #plant({ database }: SimulatedRegion, partition: number): RecordRepair {
    this.#planted += 1;
    const id = { tenant: "default", collection: PLANTED_COLLECTION, key: String(this.#planted) };
    const row: StoredRecord = { ...id, version: 1, fields: { n: { kind: "counter", sum: this.#planted } } };
    database.edit(partition, id, row);
    return { ...id, expected: [null, rowHash(row)], record: null };
  }

  async #look(region: SimulatedRegion, store: RegionStore, stop: BarrierStop): Promise<void> {
    const snapshot = await store.openSnapshot({ partition: stop.partition });
    // Another process may have taken over, or folding has gone on without us: it is no checkpoint then.
    if (stop.passed.aborted || snapshot.position !== stop.position) return snapshot.close();
    // Read while folding goes on.
    this.#compare(region, snapshot, stop).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailableError)) this.failures.push(error);
    });
  }

  async #compare(region: SimulatedRegion, snapshot: PartitionSnapshot, stop: BarrierStop): Promise<void> {
    const expected = this.#expected.get(stop.barrier.id)!;
    const name = `${region.name} at barrier ${stop.position} of partition ${stop.partition}`;
    require(expected.position === stop.position, "I6", `${name} is at another place than the log`);
    const [one, other] = [await treeOf(snapshot), await treeOf(expected)];
    const { leaves } = differingLeaves(one, other);
    const known = await hashesIn(expected, leaves);
    const held = await hashesIn(snapshot, leaves);
    for (const id of new Set([...known.keys(), ...held.keys()])) {
      const isPlanted = id.split("\n")[1] === PLANTED_COLLECTION;
      require(isPlanted || known.get(id) === held.get(id), "I6", `${name} holds another row of ${id}`);
    }
    this.compared += 1;
    await snapshot.close();
  }
}

/** Of a row that is as it should be: changes nothing, or is overtaken. */
function repairOfRight(row: StoredRecord): RecordRepair {
  const { tenant, collection, key, ...record } = row;
  return { tenant, collection, key, expected: [rowHash(row)], record };
}

async function treeOf(snapshot: PartitionSnapshot): Promise<DigestTree> {
  return DigestTree.of(await snapshot.digestLeaves({ leaves: LEAVES }));
}

async function hashesIn(
  snapshot: PartitionSnapshot,
  wanted: readonly number[],
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for await (const rows of snapshot.readLeaves({ leaves: LEAVES, wanted }))
    for (const row of rows) hashes.set(recordIdText(row), row.hash);
  return hashes;
}
