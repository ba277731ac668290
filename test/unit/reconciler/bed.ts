/** Regions on simulated ports whose appliers make checkpoints, each with a coordinator. */
import type { RecordId } from "../../../services/core/operation.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import type { Verification } from "../../../services/ports/reconciliation.ts";
import { Checkpoints, type CheckpointsOptions } from "../../../services/reconciler/checkpoints.ts";
import type { ReconcilerMetrics } from "../../../services/reconciler/metrics.ts";
import { Reconciler } from "../../../services/reconciler/reconciler.ts";
import { Bed, COLLECTION, TENANT, write, type RegionBed } from "../gateway/bed.ts";

export const silentReconciler: ReconcilerMetrics = {
  verified: () => undefined,
  recalled: () => undefined,
  repaired: () => undefined,
  checkpoint: () => undefined,
  digested: () => undefined,
};
const LIMIT_MS = 400_000;

export interface ReconcilingRegion {
  readonly name: string;
  readonly region: RegionBed;
  readonly checkpoints: Checkpoints;
  readonly reconciler: Reconciler;
}

export class ReconcilingBed {
  readonly bed: Bed;
  readonly regions: readonly ReconcilingRegion[];

  /** @param changes of a region's checkpoints. */
  constructor(changes: (region: RegionBed) => Partial<CheckpointsOptions> = () => ({}), seed = 1) {
    this.bed = new Bed({ regions: ["eu", "us", "ap"], seed });
    this.regions = this.bed.regions.map((region) => {
      const options = { ...region.options, metrics: silentReconciler };
      const checkpoints = new Checkpoints({ ...options, leaves: 64, ...changes(region) });
      region.barriers = checkpoints;
      checkpoints.servePlace();
      const reconciler = new Reconciler({ ...options, checkpoints });
      return { name: region.name, region, checkpoints, reconciler };
    });
  }

  async start(records = 40): Promise<void> {
    await this.bed.startAll();
    for (let index = 0; index < records; index += 1) {
      const { gateway } = this.bed.regions[index % 3]!;
      const body = { set: { name: `name ${index}` }, inc: { likes: index } };
      await this.bed.run(gateway.write(write({ key: `key ${index}`, body })));
    }
    await this.bed.converge();
    // A tick of each, which tells what it reads.
    await this.bed.pass(5_000);
  }

  get(name: string): ReconcilingRegion {
    return this.regions.find((region) => region.name === name)!;
  }

  /** Runs a verification of partition 0 to its end. */
  async verify(name = "eu"): Promise<Verification> {
    return this.finish(this.get(name).reconciler.verifyToEnd(0));
  }

  async finish<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => (isSettled = true);
    promise.then(settle, settle);
    await this.bed.world.runUntil(() => isSettled, { limitMs: LIMIT_MS, what: "a verification" });
    return promise;
  }

  row(name: string, key: string): StoredRecord | undefined {
    return this.get(name)
      .region.database.records(0)
      .find((record) => record.collection === COLLECTION && record.key === key);
  }

  /** Edits a row behind the store's back. */
  edit(name: string, key: string, change: (row: StoredRecord) => StoredRecord | undefined): void {
    const row = this.row(name, key) ?? { ...idOf(key), version: 1, fields: {} };
    this.get(name).region.database.edit(0, idOf(key), change(row));
  }
}

export function idOf(key: string): RecordId {
  return { tenant: TENANT, collection: COLLECTION, key };
}
