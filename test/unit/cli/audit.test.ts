/** `forebay audit`, against the real HTTP server with a stub behind it. */
import { afterEach, describe, expect, it } from "vitest";
import { verifyTrail } from "../../../services/cli/audit-trail.ts";
import { EMPTY_AUDIT, type AuditFact } from "../../../services/core/audit.ts";
import { cliBed } from "./bed.ts";

const bed = cliBed((rig) => {
  rig.gateway.audit.trail.rows.length = 0;
  rig.gateway.audit.failure = undefined;
});

afterEach(() => {
  process.exitCode = undefined;
});

function keep(number: number, more: Partial<AuditFact> = {}): string {
  const act = `01990000-0000-7000-8000-${String(number).padStart(12, "0")}`;
  const about = '{"force":false}';
  const fact = {
    act,
    atMs: 1_720_000_000_000,
    action: "drain",
    actor: "ada",
    address: "10.0.0.7",
    about,
  } as const;
  return bed.rig.gateway.audit.trail.append({ ...fact, outcome: "intent", ...more }).hash;
}

describe("audit list", () => {
  it("prints one line per act, and which were cut off", async () => {
    keep(1);
    keep(1, { outcome: "done", about: "{}" });
    keep(2, { action: "repair", actor: "reconciler", address: null });
    keep(3, { action: "leader-move" });
    keep(3, { action: "leader-move", outcome: "refused", about: '{"problem":"unknown-region"}' });
    const lines = (await bed.run("audit")).split("\n").map((line) => line.trim().split(/ {2,}/));
    const time = "2024-07-03T09:46:40Z";
    expect(lines).toEqual([
      ["time", "action", "actor", "from", "outcome", "about"],
      [time, "leader-move", "ada", "10.0.0.7", "refused", '{"force":false} → {"problem":"unknown-region"}'],
      [time, "repair", "reconciler", "under way, or cut off", '{"force":false}'],
      [time, "drain", "ada", "10.0.0.7", "done", '{"force":false}'],
      [""],
    ]);
  });

  it("passes on what to list", async () => {
    for (let number = 1; number <= 3; number += 1) keep(number);
    expect(await bed.run("audit", "list", "--limit", "2")).toContain("more: --cursor b2");
    bed.printed = "";
    expect(await bed.run("audit", "list", "--action", "repair")).toBe("nothing was ordered here\n");
    bed.printed = "";
    expect(await bed.run("audit", "list", "--since", "1h")).toBe("nothing was ordered here\n");
  });
});

describe("audit verify", () => {
  it("reads a long trail to its end", async () => {
    let hash = "";
    for (let number = 1; number <= 2_345; number += 1) {
      keep(number);
      hash = keep(number, { outcome: "done" });
    }
    const text = await bed.run("audit", "verify");
    expect(text).toBe(`eu: 4690 rows, whole, ends at 4690:${hash}; nobody else has kept a head of it\n`);
    expect(process.exitCode).toBeUndefined();
  });

  it("tells of what was cut off, which is no break", async () => {
    keep(1);
    expect(await bed.run("audit", "verify")).toContain("row 1: drain by ada is under way, or was cut off");
    expect(process.exitCode).toBeUndefined();
  });

  it("names the first row that is wrong, and ends with 1", async () => {
    for (let number = 1; number <= 5; number += 1) keep(number);
    const { rows } = bed.rig.gateway.audit.trail;
    rows[2] = { ...rows[2]!, actor: "eve" };
    rows[4] = { ...rows[4]!, actor: "eve" };
    expect(await bed.run("audit", "verify")).toBe(
      "eu: broken at row 3: row 3 has been changed: its hash is not that of what it says\n",
    );
    expect(process.exitCode).toBe(1);
  });

  it("compares with a head that was kept", async () => {
    const hash = keep(1);
    expect(await bed.run("audit", "verify", "--head", `1:${hash}`)).toContain("as kept by --head up to 1");
    await bed.run("audit", "verify", "--head", `2:${hash}`);
    expect(bed.printed).toContain("wrong at row 2: the trail ends at row 1, and had row 2: its end is gone");
    expect(process.exitCode).toBe(1);
    await expect(bed.run("audit", "verify", "--head", "nonsense")).rejects.toThrow(/a sequence and a hash/);
  });

  it("says of a trail that can't be read that it can't be", async () => {
    bed.rig.gateway.audit.failure = new Error("away");
    await bed.run("audit", "verify");
    expect(bed.printed).toContain("can't be looked at");
    expect(process.exitCode).toBe(1);
  });

  it("does not count what a region has kept of itself", () => {
    const own = { region: "eu", sequence: 9, hash: EMPTY_AUDIT.hash, seen_at_ms: 1 };
    const seen = [{ region: "eu", ...EMPTY_AUDIT, seen: [own] }];
    const trail = { region: "eu", hashes: [], broken: undefined, open: [] };
    expect(verifyTrail(trail, { seen, kept: undefined }).isWhole).toBe(true);
    const others = [{ region: "us", ...EMPTY_AUDIT, seen: [own] }];
    expect(verifyTrail(trail, { seen: others, kept: undefined }).isWhole).toBe(false);
  });
});
