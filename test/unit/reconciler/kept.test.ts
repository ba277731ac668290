/** What is remembered of verifications that are over: in every process of the region, and over restarts. */
import { describe, expect, it } from "vitest";
import { Reconciler } from "../../../services/reconciler/reconciler.ts";
import { KEPT_SAMPLE_MAX } from "../../../services/ports/verification-records.ts";
import { ReconcilingBed, silentReconciler } from "./bed.ts";

const ROWS = KEPT_SAMPLE_MAX + 5;

/** Two verifications by one process of eu, and another process of it that has run none. */
async function verified() {
  const bed = new ReconcilingBed();
  await bed.start();
  const first = await bed.verify();
  for (let index = 0; index < ROWS; index += 1) bed.edit("ap", `key ${index}`, () => undefined);
  const second = await bed.verify();
  const { region, checkpoints } = bed.get("eu");
  const other = new Reconciler({ ...region.options, metrics: silentReconciler, checkpoints });
  return { bed, first, second, other };
}

describe("a verification that is over", () => {
  it("is known to every process, with some of the rows that differ", async () => {
    const { bed, first, second, other } = await verified();
    expect(await bed.finish(other.read(first.id))).toEqual(first);
    const kept = (await bed.finish(other.read(second.id)))!;
    expect(kept).toMatchObject({ verdict: "diverged", differences: { records: ROWS } });
    expect(kept.differences.sample).toEqual(second.differences.sample.slice(0, KEPT_SAMPLE_MAX));
    expect(second.differences.sample).toHaveLength(ROWS);
    const listed = await bed.finish(other.list({ limit: 5 }));
    expect(listed.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(await bed.finish(other.read(first.id.replace(/.$/, "x")))).toBeUndefined();
  });

  it("is repaired only by the process that holds all it has found", async () => {
    const { bed, second, other } = await verified();
    const request = { verification: second.id, preferred: undefined, isDryRun: true, reason: "test" };
    await expect(bed.finish(other.repair(request))).rejects.toThrow(/verify again where you repair/);
    await expect(bed.finish(bed.get("eu").reconciler.repair(request))).resolves.toMatchObject({
      id: undefined,
    });
  });

  it("is told to metrics by a process that begins: damage stays known over restarts", async () => {
    const { bed, second } = await verified();
    const { region, checkpoints } = bed.get("eu");
    const told: unknown[] = [];
    const metrics = { ...silentReconciler, recalled: (ended: unknown) => void told.push(ended) };
    const other = new Reconciler({ ...region.options, metrics, checkpoints });
    await bed.finish(other.recall(0));
    const { id, endedAtMs: atMs } = second;
    expect(told).toEqual([{ id, partition: 0, verdict: "diverged", atMs, differing: ROWS }]);
  });

  it("is known here also while the database can't keep it, and what others have run is not passed over in silence", async () => {
    const { bed, first } = await verified();
    const { region, reconciler } = bed.get("eu");
    region.faults.isDown = true;
    expect((await bed.finish(reconciler.read(first.id)))!.id).toBe(first.id);
    await expect(bed.finish(reconciler.list({ limit: 5 }))).rejects.toThrow(/database does not answer/);
  });
});
