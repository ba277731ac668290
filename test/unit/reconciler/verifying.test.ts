/** Verifications of regions that are equal, drifted, late, silent or of another version. */
import { describe, expect, it } from "vitest";
import { BARRIER_STOP_MS_MAX } from "../../../services/applier/barrier-stop.ts";
import { REPAIRS_VERSION } from "../../../services/protocol/entry-codec.ts";
import { Reconciler } from "../../../services/reconciler/reconciler.ts";
import { overriding, write } from "../gateway/bed.ts";
import { ReconcilingBed, silentReconciler } from "./bed.ts";

async function started(changes?: ConstructorParameters<typeof ReconcilingBed>[0]): Promise<ReconcilingBed> {
  const bed = new ReconcilingBed(changes);
  await bed.start();
  return bed;
}

function keysOf(verification: { differences: { sample: readonly { key: string }[] } }): string[] {
  return verification.differences.sample.map(({ key }) => key);
}

describe("regions that hold the same", () => {
  it("match, whoever asks, and say so with what was compared", async () => {
    const bed = await started();
    for (const name of ["eu", "us", "ap"]) {
      const verification = await bed.verify(name);
      expect(verification).toMatchObject({ verdict: "match", phase: "done", differences: { records: 0 } });
      expect(verification.regions.map(({ rows, problem }) => ({ rows, problem }))).toEqual(
        Array.from({ length: 3 }, () => ({ rows: 40, problem: undefined })),
      );
      expect(new Set(verification.regions.map(({ digest }) => digest)).size).toBe(1);
    }
    expect(bed.regions.map(({ checkpoints }) => checkpoints.size)).toEqual([0, 0, 0]);
  });

  it("match while they are written to, at every position", async () => {
    const bed = await started();
    for (let round = 0; round < 10; round += 1) {
      const verifying = bed.get("us").reconciler.verifyToEnd(0);
      for (const { gateway } of bed.bed.regions)
        await bed.bed.run(gateway.write(write({ key: `key ${round}`, body: { inc: { likes: 1 } } })));
      expect((await bed.finish(verifying)).reason).toContain("hold the same");
    }
  });

  it("match where one stores a row as another text", async () => {
    const bed = await started();
    bed.edit("ap", "key 7", ({ fields, ...row }) => ({
      ...row,
      fields: Object.fromEntries(Object.entries(fields).toReversed()),
    }));
    const { verdict, reason } = await bed.verify();
    expect(verdict).toBe("match");
    expect(reason).toContain("1 of them stored as other texts");
  });

  it("is one verification for all who ask at once", async () => {
    const bed = await started();
    const { reconciler } = bed.get("eu");
    const [one, other] = await bed.finish(Promise.all([reconciler.verify(0), reconciler.verify(0)]));
    expect(one.verdict).toBeUndefined();
    expect(other.id).toBe(one.id);
    await bed.bed.pass(30_000);
    expect((await bed.finish(reconciler.list({ limit: 9 }))).map(({ id }) => id)).toEqual([one.id]);
    expect(await bed.finish(reconciler.read(one.id))).toMatchObject({ verdict: "match" });
  });
});

describe("drift", () => {
  it("of every kind is found, and nothing else", async () => {
    const bed = await started();
    bed.edit("us", "key 3", (row) => ({
      ...row,
      fields: { ...row.fields, likes: { kind: "counter", sum: 99 } },
    }));
    bed.edit("ap", "key 4", () => undefined);
    bed.edit("eu", "inserted", (row) => ({ ...row, fields: { likes: { kind: "counter", sum: 1 } } }));
    const verification = await bed.verify("ap");
    expect(verification.verdict).toBe("diverged");
    expect(keysOf(verification)).toEqual(["inserted", "key 3", "key 4"]);
    expect(verification.differences).toMatchObject({ records: 3, rest: [] });
    const [inserted, edited, deleted] = verification.differences.sample;
    expect(inserted!.proven?.record).toBeNull();
    expect(edited!.proven?.record).toMatchObject({ fields: { likes: { sum: 3 } } });
    expect(deleted!.proven?.reason).toContain("2 of 3 regions hold this row: eu, us");
    expect(deleted!.rows["ap"]).toBeNull();
  });

  it("of all three regions is found, and the log says which of them is right", async () => {
    const bed = await started();
    for (const [place, name] of ["eu", "us"].entries())
      bed.edit(name, "key 5", (row) => ({ ...row, fields: { likes: { kind: "counter", sum: 90 + place } } }));
    const { differences } = await bed.verify();
    const proven = { by: "log", record: { fields: { likes: { sum: 5 } } } };
    expect(differences.sample).toMatchObject([{ key: "key 5", proven }]);
  });

  it("of many rows is read page by page", async () => {
    const bed = await started();
    for (let index = 0; index < 1_500; index += 1)
      bed.edit("us", `planted ${index}`, (row) => ({
        ...row,
        fields: { likes: { kind: "counter", sum: index } },
      }));
    const { differences } = await bed.verify();
    expect(differences.records).toBe(1_500);
    expect(differences.sample).toHaveLength(1_000);
  });

  it("is found though messages are lost on the way, and no page is skipped or told twice", async () => {
    const bed = await started();
    for (let index = 0; index < 2_500; index += 1)
      bed.edit("us", `planted ${index}`, (row) => ({
        ...row,
        fields: { likes: { kind: "counter", sum: index } },
      }));
    Object.assign(bed.bed.network.faults, { lostRequests: 0.1, lostAnswers: 0.2 });
    const { verdict, differences } = await bed.verify();
    expect({ verdict, records: differences.records }).toEqual({ verdict: "diverged", records: 2_500 });
  });

  it("of records that are larger than a message is told whole", async () => {
    const bed = await started();
    const value = "ä".repeat(70_000);
    const planted = { kind: "lww", value, hlc: "0".repeat(16), origin: "us", position: 1 } as const;
    bed.edit("us", "key 1", (row) => ({ ...row, fields: { name: planted as never } }));
    const { differences } = await bed.verify();
    expect(differences.sample[0]!.rows["us"]?.fields["name"]).toEqual(planted);
  });
});

describe("a region that can't be compared", () => {
  it("lags for a minute, and is waited for", async () => {
    const bed = await started();
    bed.get("ap").region.stopRoles();
    await bed.bed.pass(3_000);
    const verifying = bed.get("eu").reconciler.verifyToEnd(0);
    await bed.bed.run(bed.bed.first.gateway.write(write({ key: "key 1", body: { inc: { likes: 1 } } })));
    await bed.bed.pass(60_000);
    bed.get("ap").region.startApplier();
    expect(await bed.finish(verifying)).toMatchObject({ verdict: "match" });
  });

  it("lags for ever, and is said to, with what the others hold", async () => {
    const bed = await started();
    bed.get("ap").region.stopRoles();
    await bed.bed.pass(3_000);
    const { verdict, reason } = await bed.verify();
    expect(verdict).toBe("unreachable");
    expect(reason).toMatch(/ap has not come to the barrier.*eu, us hold the same/);
  });

  it("is silent, and hides no damage of the others", async () => {
    const bed = await started();
    bed.bed.servers.cutOff.add("ap");
    const silent = await bed.verify();
    expect(silent.verdict).toBe("unreachable");
    expect(silent.reason).toContain("ap does not answer");
    bed.edit("us", "key 3", () => undefined);
    const diverged = await bed.verify();
    expect(diverged.verdict).toBe("diverged");
    // Two of three that differ prove nothing; the log does.
    expect(diverged.differences.sample).toMatchObject([{ key: "key 3", proven: { by: "log" } }]);
  });

  it("passes the barrier without a checkpoint", async () => {
    const bed = new ReconcilingBed();
    bed.get("us").region.barriers = undefined;
    await bed.start();
    expect((await bed.verify()).reason).toContain("us has passed the barrier without a checkpoint");
  });

  it("folds on before its snapshot is open", async () => {
    const bed = await started(({ name, options: { store, clock } }) => {
      if (name !== "us") return {};
      const openSnapshot: typeof store.openSnapshot = async (options) => {
        await clock.sleep(BARRIER_STOP_MS_MAX + 2_000);
        return store.openSnapshot(options);
      };
      return { store: overriding(store, { openSnapshot }) };
    });
    const { verdict, reason } = await bed.verify();
    expect(verdict).toBe("unreachable");
    expect(reason).toMatch(/us has folded on before its checkpoint was made; ap, eu hold the same/);
  });

  it("digests in another way", async () => {
    const bed = await started(({ name }) => (name === "us" ? { leaves: 32 } : {}));
    const { verdict, reason } = await bed.verify();
    expect(verdict).toBe("schema-mismatch");
    expect(reason).toContain("us digests into 32 leaves");
  });

  it("has software that can't read barriers", async () => {
    const bed = await started();
    const { region, checkpoints } = bed.get("eu");
    const store = overriding(region.options.store, {
      readPositions: async (partition) => {
        const positions = await region.options.store.readPositions(partition);
        const us = positions.origins["us"]!;
        const old = { ...us, tick: { ...us.tick!, reads: REPAIRS_VERSION - 1 } };
        return { ...positions, origins: { ...positions.origins, us: old } };
      },
    });
    const reconciler = new Reconciler({ ...region.options, store, checkpoints, metrics: silentReconciler });
    const refused = await bed.finish(reconciler.verify(0).catch((error: unknown) => error));
    expect(refused).toMatchObject({ name: "ReconciliationError", why: "old-software" });
    expect(String(refused)).toContain("us can't read barriers yet");
  });
});
