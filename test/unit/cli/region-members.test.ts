/** `forebay region list | add | remove | rejoin`, against the real HTTP server with a stub behind it. */
import { describe, expect, it } from "vitest";
import { describeLoss } from "../../../services/cli/commands/region-members.ts";
import type { MemberReport } from "../../../services/gateway/membership.ts";
import { cliBed } from "./bed.ts";

const EU = member("eu", {});

function member(region: string, known: Partial<MemberReport>): MemberReport {
  const heard = { appliedPosition: 90, lagEntries: 0, silentMs: 800, unshippedRows: 0 };
  return { region, joined: undefined, isJoining: false, ...heard, ...known };
}

const bed = cliBed((rig) => {
  rig.gateway.memberChanges.length = 0;
  rig.gateway.members = { partition: 0, members: [EU], departed: [] };
});

describe("region list", () => {
  it("tells of members, of those that are coming, and of those that are gone", async () => {
    const unheard = { appliedPosition: undefined, lagEntries: undefined, silentMs: undefined };
    const sa = member("sa", { isJoining: true, ...unheard });
    bed.rig.gateway.members = { partition: 0, members: [EU, sa], departed: ["ap"] };
    const lines = (await bed.run("region", "list")).split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(lines.slice(0, 4)).toEqual([
      ["partition", "region", "is", "folded to", "behind", "silent for"],
      ["0", "eu", "member", "90", "0", "800 ms"],
      ["0", "sa", "joining", "?", "?", "never heard of"],
      ["0", "ap", "removed"],
    ]);
  });
});

describe("region add", () => {
  it("waits until the region keeps up", async () => {
    bed.rig.gateway.members = { partition: 0, members: [EU, member("sa", {})], departed: [] };
    expect(await bed.run("region", "add", "sa")).toBe("region sa keeps up with the log\n");
    expect(bed.rig.gateway.memberChanges).toEqual([{ action: "add", region: "sa" }]);
  });

  it("says how far it is when time is up", async () => {
    const sa = member("sa", { lagEntries: 5_000 });
    bed.rig.gateway.members = { partition: 0, members: [EU, sa], departed: [] };
    await expect(bed.run("region", "add", "sa", "--deadline", "0")).rejects.toThrow(
      "does not keep up within the deadline: partition 0: 5000 entries behind",
    );
  });
});

describe("region remove", () => {
  it("asks the log, once the region is drained", async () => {
    await bed.run("region", "remove", "sa");
    expect(bed.rig.gateway.memberChanges).toEqual([{ action: "remove", region: "sa", isForced: false }]);
  });

  it("by force says first what may be lost, and does nothing until that is confirmed", async () => {
    const sa = member("sa", { unshippedRows: 12, silentMs: 90_000 });
    bed.rig.gateway.members = { partition: 0, members: [EU, sa], departed: [] };
    await expect(bed.run("region", "remove", "sa", "--force")).rejects.toThrow("--yes");
    expect(bed.warned).toContain("12 rows that only its write-ahead log has");
    expect(bed.rig.gateway.memberChanges).toEqual([]);
    await bed.run("region", "remove", "sa", "--force", "--yes");
    expect(bed.rig.gateway.memberChanges).toEqual([{ action: "remove", region: "sa", isForced: true }]);
  });

  it("tells what is not known, too", () => {
    expect(describeLoss("sa", [{ partition: 3, region: "sa" }])).toContain(
      "partition 3: it was never heard of",
    );
  });
});

describe("region rejoin", () => {
  it("asks the region itself", async () => {
    expect(await bed.run("region", "rejoin", "eu", "--force")).toContain("region eu rejoins");
    expect(bed.rig.gateway.memberChanges).toEqual([{ action: "rejoin", isForced: true }]);
    await expect(bed.run("region", "rejoin", "us")).rejects.toThrow("is region eu, not us");
  });
});
