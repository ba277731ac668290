/** Repairs: of what is proven or preferred, by entries that every region can read, and of nothing that has changed since. */
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../services/core/hash.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { StoredRecord } from "../../../services/core/record.ts";
import { provenRow, type HeldRows } from "../../../services/core/verify/majority.ts";
import type { DifferingRecord, RepairRequest } from "../../../services/ports/reconciliation.ts";
import { decodeEntry, encodeEntry, ENTRY_BYTES_MAX } from "../../../services/protocol/entry-codec.ts";
import { REPAIR_REASON_LENGTH_MAX, REPAIR_RECORDS_MAX } from "../../../services/protocol/repair-codec.ts";
import { planRepair, reasonText, repairEntries } from "../../../services/reconciler/repairer.ts";
import { ScheduledVerification } from "../../../services/reconciler/scheduled.ts";
import { Auditor } from "../../../services/runtime/auditor.ts";
import { silentLogger } from "../../../services/runtime/logger.ts";
import { write } from "../gateway/bed.ts";
import { idOf, ReconcilingBed } from "./bed.ts";

const ABOUT = { origin: "eu", id: uuidOf("repair"), at: 9, atMs: 1, reason: "test" };

function row(key: string, text: string, version = 3): StoredRecord {
  const written = { hlc: "0000000000000001", origin: "eu", position: 3 } as const;
  return { ...idOf(key), version, fields: { name: { kind: "lww", value: text, ...written } as never } };
}

function differing(key: string, rows: HeldRows): DifferingRecord {
  return { ...idOf(key), rows, proven: provenRow(rows, 3) };
}

function plant(bed: ReconcilingBed, [region, key, sum]: readonly [string, string, number]): void {
  bed.edit(region, key, (held) => ({ ...held, fields: { ...held.fields, likes: { kind: "counter", sum } } }));
}

async function started(): Promise<ReconcilingBed> {
  const bed = new ReconcilingBed();
  await bed.start();
  return bed;
}

function repair(bed: ReconcilingBed, request: Partial<RepairRequest> & { verification: string }) {
  return bed.finish(bed.get("eu").reconciler.repair({ isDryRun: false, reason: "test", ...request }));
}

describe("a plan", () => {
  it("sets what is proven, prefers a region only where nothing is, and leaves the rest alone", () => {
    const proven = differing("a", { eu: row("a", "1"), us: row("a", "2"), ap: row("a", "2") });
    const open = differing("b", { eu: row("b", "1"), us: row("b", "2"), ap: null });
    const without = planRepair([proven, open], { about: ABOUT, preferred: undefined });
    expect(without.decided.map(({ repair: { key } }) => key)).toEqual(["a"]);
    expect(without.undecided).toEqual([open]);
    const preferring = planRepair([proven, open], { about: ABOUT, preferred: "eu" });
    expect(preferring.decided.map(({ repair: { record } }) => record?.fields["name"])).toMatchObject([
      { value: "2" },
      { value: "1" },
    ]);
    const removing = planRepair([open], { about: ABOUT, preferred: "ap" });
    expect(removing.decided[0]!.repair.record).toBeNull();
  });

  it("leaves alone a row that would stop every region that reads it", () => {
    const late = differing("a", { eu: row("a", "1", ABOUT.at + 1), us: row("a", "2"), ap: null });
    const odd = differing("b", {
      eu: { ...row("b", "1"), fields: { name: { kind: "?" } as never } },
      us: null,
    });
    const plan = planRepair([late, odd], { about: ABOUT, preferred: "eu" });
    expect(plan).toEqual({ decided: [], undecided: [late, odd] });
  });

  it("becomes entries that the log takes, with every record once", () => {
    const records = Array.from({ length: 1_200 }, (_, index) => {
      const key = `${index}`;
      const right = row(key, "ä".repeat(index % 700));
      return differing(key, { eu: right, us: right, ap: null });
    });
    const plan = planRepair(records, { about: ABOUT, preferred: undefined });
    const entries = repairEntries(plan, ABOUT);
    expect(entries.flatMap((entry) => entry.records.map(({ key }) => key))).toEqual(
      records.map(({ key }) => key),
    );
    for (const entry of entries) {
      expect(entry.records.length).toBeLessThanOrEqual(REPAIR_RECORDS_MAX);
      expect(encodeEntry(entry).byteLength).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
    }
    expect(entries.length).toBeLessThan(10);
  });

  it("has a reason that an entry can hold", () => {
    expect(reasonText("  ")).toBe("no reason given");
    expect(reasonText("a\u0000b")).toBe("ab");
    expect(reasonText("😀".repeat(150)).length).toBeLessThanOrEqual(REPAIR_REASON_LENGTH_MAX);
    expect(reasonText(`${"a".repeat(REPAIR_REASON_LENGTH_MAX - 1)}😀`).isWellFormed()).toBe(true);
  });
});

describe("a repair", () => {
  it("mends what was planted, in the region where it was, and then all match", async () => {
    const bed = await started();
    plant(bed, ["ap", "key 3", 99]);
    bed.edit("us", "key 4", () => undefined);
    plant(bed, ["eu", "inserted", 1]);
    const { id } = await bed.verify();
    const dry = await repair(bed, { verification: id, isDryRun: true });
    expect(dry).toMatchObject({ id: undefined, records: 3, positions: [], undecided: [] });
    expect(bed.row("ap", "key 3")?.fields["likes"]).toEqual({ kind: "counter", sum: 99 });
    const done = await repair(bed, { verification: id });
    expect(done.positions).toHaveLength(1);
    expect(await bed.verify()).toMatchObject({ verdict: "match" });
    expect(bed.row("eu", "inserted")).toBeUndefined();
    const audited = bed.regions.map(({ region }) =>
      region.database.listRepairs({ limit: 9 }).map(({ key }) => key),
    );
    expect(audited).toEqual([["inserted"], ["key 4"], ["key 3"]]);
  });

  it("leaves alone what was written since", async () => {
    const bed = await started();
    plant(bed, ["ap", "key 3", 99]);
    const { id } = await bed.verify();
    const { gateway } = bed.bed.first;
    await bed.bed.run(gateway.write(write({ key: "key 3", body: { inc: { likes: 1 } } })));
    await bed.bed.converge();
    const [at] = (await repair(bed, { verification: id })).positions;
    await bed.bed.runUntil(
      () => bed.get("eu").region.database.readPositions(0).position >= at!,
      "the repair",
    );
    expect(bed.row("eu", "key 3")?.fields["likes"]).toEqual({ kind: "counter", sum: 4 });
    expect(bed.get("eu").region.database.listRepairs({ limit: 9 })).toEqual([]);
  });

  it("without a majority sets what the log gives, as long as some region holds it", async () => {
    const bed = await started();
    plant(bed, ["us", "key 3", 50]);
    plant(bed, ["ap", "key 3", 60]);
    bed.edit("us", "key 4", () => undefined);
    plant(bed, ["ap", "key 4", 60]);
    plant(bed, ["eu", "inserted", 1]);
    plant(bed, ["us", "inserted", 2]);
    for (const [index, region] of ["eu", "us", "ap"].entries()) plant(bed, [region, "key 5", 70 + index]);
    const { id, reason, differences } = await bed.verify();
    expect(reason).toMatch(/^ap, eu, us do not hold the same at position \d+: 4 records differ$/);
    expect(differences.sample.map(({ key, proven }) => [key, proven?.reason])).toEqual([
      ["inserted", expect.stringMatching(/^the log's entries up to \d+ give no such row, as in ap$/)],
      ["key 3", expect.stringMatching(/give this row, as in eu$/)],
      ["key 4", expect.stringMatching(/give this row, as in eu$/)],
      ["key 5", undefined],
    ]);
    const undecided = [{ key: "key 5" }];
    expect(await repair(bed, { verification: id })).toMatchObject({ records: 3, undecided });
    const left = await bed.verify();
    expect(left.differences.sample.map(({ key }) => key)).toEqual(["key 5"]);
    for (const region of ["eu", "us", "ap"])
      expect(bed.row(region, "key 3")?.fields["likes"]).toEqual({ kind: "counter", sum: 3 });
  });

  it("waits for somebody to prefer a region that was compared where the log does not reach back", async () => {
    const bed = await started();
    plant(bed, ["us", "key 3", 50]);
    plant(bed, ["ap", "key 3", 60]);
    bed.bed.servers.trim({ partition: 0, below: 5 });
    const { id, reason } = await bed.verify();
    expect(reason).toMatch(/nor does the log: the log begins at 5/);
    expect(await repair(bed, { verification: id })).toMatchObject({
      records: 0,
      undecided: [{ key: "key 3" }],
    });
    const unknown = await repair(bed, { verification: id, preferred: "mars" }).catch(
      (error: unknown) => error,
    );
    expect(String(unknown)).toContain("Compared were ap, eu, us");
    await repair(bed, { verification: id, preferred: "us" });
    expect(await bed.verify()).toMatchObject({ verdict: "match" });
    expect(bed.row("eu", "key 3")?.fields["likes"]).toEqual({ kind: "counter", sum: 50 });
  });

  it("has its verdict before the log is read, and lets nobody but a majority act on it until then", async () => {
    const bed = await started();
    plant(bed, ["us", "key 3", 50]);
    plant(bed, ["ap", "key 3", 60]);
    const { reconciler } = bed.get("eu");
    const { id, verdict, phase } = await bed.finish(reconciler.verifyToVerdict(0));
    expect({ verdict, phase }).toEqual({ verdict: "diverged", phase: "replaying" });
    await expect(repair(bed, { verification: id })).rejects.toThrow(/not over yet/);
    expect(await repair(bed, { verification: id, isByMajorityOnly: true })).toMatchObject({ records: 0 });
    while ((await bed.finish(reconciler.read(id)))?.phase !== "done") await bed.bed.pass(50);
    expect(await repair(bed, { verification: id })).toMatchObject({ records: 1 });
  });

  it("proves nothing by a log that is not what the regions have folded", async () => {
    const bed = await started();
    plant(bed, ["us", "key 3", 50]);
    plant(bed, ["ap", "key 3", 60]);
    const messages = bed.bed.servers.messages(0);
    const index = messages.findLastIndex(({ data }) => decodeEntry(data).entry.kind === "batch");
    const other = { kind: "barrier", origin: "eu", id: uuidOf("other"), purpose: "another" } as const;
    messages[index] = { ...messages[index]!, data: encodeEntry(other) };
    const { reason, differences } = await bed.verify();
    expect(reason).toMatch(/nor does the log: .*the hash chains differ/);
    expect(differences.sample.map(({ key, proven }) => [key, proven])).toEqual([["key 3", undefined]]);
  });

  it("is refused of what is not known, not over, equal or outdated", async () => {
    const bed = await started();
    const why = (verification: string) =>
      repair(bed, { verification }).catch((error: unknown) => (error as { why: string }).why);
    expect(await why(sha256("none"))).toBe("unknown-verification");
    const { id: running } = await bed.finish(bed.get("eu").reconciler.verify(0));
    expect(await why(running)).toBe("not-diverged");
    expect(await why((await bed.verify()).id)).toBe("not-diverged");
    plant(bed, ["ap", "key 3", 99]);
    const { id: diverged } = await bed.verify();
    await bed.verify();
    expect(await why(diverged)).toBe("outdated");
  });

  it("is made by itself of what a majority proves, where that is wanted", async () => {
    const bed = await started();
    const { reconciler, region } = bed.get("eu");
    const auditor = new Auditor(region.options);
    const scheduled = (isRepairAutomatic: boolean) =>
      bed.finish(
        new ScheduledVerification({ reconciler, isRepairAutomatic, auditor, logger: silentLogger }).verify(
          0,
          new AbortController().signal,
        ),
      );
    plant(bed, ["ap", "key 3", 99]);
    plant(bed, ["us", "key 5", 50]);
    plant(bed, ["ap", "key 5", 60]);
    expect(await scheduled(false)).toBe(0);
    expect(await scheduled(true)).toBe(1);
    const { differences } = await bed.verify();
    // The log says what it should be; that is for somebody who asks.
    expect(differences.sample.map(({ key, proven }) => [key, proven?.by])).toEqual([["key 5", "log"]]);
    expect(differences.sample.map(({ key }) => key)).toEqual(["key 5"]);
    const { rows } = region.database.audit;
    expect(rows.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`)).toEqual(
      // A second round finds nothing more that is proven, and is not begun.
      ["reconciler repair intent", "reconciler repair done"],
    );
  });
});
