/** `forebay verify`, `forebay repair` and `forebay repairs`, against the real HTTP server with a reconciler in memory. */
import { afterEach, describe, expect, it } from "vitest";
import { ReconciliationError, type Verification } from "../../../services/ports/reconciliation.ts";
import {
  differing,
  diverged,
  EDITED,
  matching,
  REPAIR,
  row,
  StubReconciliation,
  TORN,
  VERIFICATION,
  verificationId,
  waiting,
} from "../gateway-http/stub-reconciliation.ts";
import { cliBed } from "./bed.ts";

let reconciler: StubReconciliation;
const bed = cliBed((rig) => {
  reconciler = new StubReconciliation();
  rig.gateway.reconciliation = reconciler;
  rig.gateway.storedRepairs = [];
  process.exitCode = 0;
});

afterEach(() => {
  process.exitCode = undefined;
});

const run = (...words: readonly string[]): Promise<string> => bed.run(...words);

/** What partition 0 is found to be; others match. */
function found(verification: Verification): void {
  reconciler.outcome = (partition) => (partition === 0 ? verification : matching(partition));
}

const UNREACHABLE: Verification = { ...matching(0), verdict: "unreachable", reason: "only eu has answered" };

describe("verify", () => {
  it("prints the verdicts of all partitions, and ends with 0 where all match", async () => {
    expect((await run("verify")).split("\n")).toEqual([
      "partition  verdict  position  records  differ  compared    id",
      `        0  match        1234     2000       0  eu, us, ap  ${verificationId(0)}`,
      `        1  match        1234     2000       0  eu, us, ap  ${verificationId(1)}`,
      "",
    ]);
    expect(process.exitCode).toBe(0);
  });

  it("ends with 1 where regions differ, and says where to look", async () => {
    found(diverged([EDITED]));
    const text = await run("verify");
    expect(text).toContain(" diverged ");
    expect(text).toContain("partition 0: the regions hold others\n");
    expect(text).toContain(`what differs in partition 0: forebay verify show ${VERIFICATION}\n`);
    expect(process.exitCode).toBe(1);
  });

  it.each([UNREACHABLE, { ...UNREACHABLE, verdict: "schema-mismatch" } as const])(
    "ends with 2 for $verdict",
    async (verification) => {
      found(verification);
      expect(await run("verify", "--partition", "0")).toContain("partition 0: only eu has answered\n");
      expect(reconciler.verified).toEqual([0]);
      expect(process.exitCode).toBe(2);
    },
  );

  it("tells how far it is, once per change, over requests that fail", async () => {
    const digesting = { ...waiting(0), phase: "digesting", position: 1_234 } as const;
    const busy = new ReconciliationError("unavailable", "the role is changing hands");
    reconciler.progress.push(waiting(0), busy, digesting, digesting);
    await run("verify", "--partition", "0");
    expect(bed.warned.split("\n")).toEqual([
      "forebay: partition 0: waiting, 0 of 3 regions",
      "forebay: partition 0: digesting at 1234, 0 of 3 regions",
      "forebay: partition 0: match at 1234, 3 of 3 regions",
      "",
    ]);
    expect(process.exitCode).toBe(0);
  });

  it("rewrites one line on a terminal, and clears it at the end", async () => {
    const { isTTY, columns } = process.stderr;
    Object.assign(process.stderr, { isTTY: true, columns: 20 });
    reconciler.progress.push(waiting(0));
    await run("verify", "--partition", "0");
    Object.assign(process.stderr, { isTTY, columns });
    expect(bed.warned.split("\r\u001b[K")).toEqual(["", "partition 0: waiti…", "partition 0: match…", ""]);
  });

  it("gives up at the deadline with 2, and names what goes on", async () => {
    reconciler.progress.push(waiting(0));
    await run("verify", "--partition", "0", "--deadline", "0");
    expect(bed.printed).toBe("");
    expect(bed.warned).toContain(
      `no verdict within the deadline of partition 0 (${VERIFICATION}); it may go on`,
    );
    expect(process.exitCode).toBe(2);
  });

  it("ends with 2 where no region can be asked, rather than like one that has diverged", async () => {
    bed.rig.gateway.reconciliation = undefined;
    await run("verify");
    expect(bed.warned).toContain("runs no reconciler; ask one that does (reconciler-unavailable)");
    expect(process.exitCode).toBe(2);
  });

  it("does not wait when it is told so", async () => {
    expect(await run("verify", "--no-wait")).toContain("        0  waiting");
    expect(bed.warned).toBe("");
  });

  it("prints the answers when it is told to, with what differs", async () => {
    found(diverged([EDITED]));
    expect(JSON.parse(await run("verify", "--partition", "0", "--json"))).toMatchObject({
      verifications: [{ verdict: "diverged", differences: { sample: [{ key: "ada" }] } }],
    });
    expect(process.exitCode).toBe(1);
  });

  it("says of a partition that there is none which there are", async () => {
    await run("verify", "--partition", "7");
    expect(bed.warned).toContain("there is no partition 7; the cluster has 0 to 1 (malformed-body)");
    expect(process.exitCode).toBe(2);
  });

  it.each([[["verify", "--partition", "-1"]], [["verify", "show"]], [["repair"]]])(
    "refuses to be used like this: %o",
    async (words) => {
      await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
      expect([reconciler.verified, reconciler.repairs]).toEqual([[], []]);
    },
  );

  it("needs a reason for what changes anything, and none for a look", async () => {
    reconciler.known.set(VERIFICATION, diverged([EDITED]));
    await expect(run("repair", VERIFICATION, "--apply")).rejects.toThrow(/--apply needs --reason/);
    expect(reconciler.repairs).toEqual([]);
    await run("repair", VERIFICATION);
    expect(reconciler.repairs).toMatchObject([{ isDryRun: true }]);
  });
});

describe("verify show", () => {
  it("prints what differs field by field, group by group, and who is right", async () => {
    reconciler.known.set(VERIFICATION, diverged([EDITED, TORN], ["origin eu"]));
    expect((await run("verify", "show", VERIFICATION)).split("\n").map((line) => line.trimEnd())).toEqual([
      `verification ${VERIFICATION} of partition 0: diverged at position 1234`,
      "the regions hold others",
      "region  records  digest                            problem",
      "eu         2000  5f0e9a3c41d27b68c0d1e2f3a4b5c6d7",
      "us         2000  5f0e9a3c41d27b68c0d1e2f3a4b5c6d7",
      "ap         2000  6f0e9a3c41d27b68c0d1e2f3a4b6c6d7",
      "differs besides records: origin eu",
      "records that differ: 2",
      "",
      "users/ada: right: 2 of 3 regions hold it",
      "        eu, us (right)  ap",
      '  name  "Ada"           "Eve"',
      "",
      "users/bob: not proven, neither by a majority nor by the log",
      "         eu          us          ap",
      "  [row]  version 12  version 12  none",
      '  name   "Bob"       "Rob"       –',
      "",
    ]);
  });

  it("cuts long values, and shows what is hidden", async () => {
    const ada = row("ada", "x".repeat(100));
    const name = { ...ada.fields["name"]!, position: 13 } as (typeof ada.fields)[string];
    reconciler.known.set(
      VERIFICATION,
      diverged([differing("ada", { eu: ada, us: { ...ada, fields: { name } } })]),
    );
    const text = await run("verify", "show", VERIFICATION);
    expect(text).toMatch(/\n {2}name \(hidden\) {2}\{.{38}… {2}\{.{38}…\n/);
    expect(text).not.toContain("x".repeat(50));
    bed.printed = "";
    expect(await run("verify", "show", VERIFICATION, "--json")).toContain("x".repeat(100));
  });

  it("says that there is none, and lists those that there are", async () => {
    await expect(run("verify", "show", verificationId(9))).rejects.toThrow("(verification-not-found)");
    expect(await run("verify", "list")).toBe("no verifications\n");
    reconciler.known.set(VERIFICATION, matching(0));
    expect(await run("verify", "list", "--limit", "1")).toContain("match");
  });
});

describe("repair", () => {
  it("is a dry run, with what would be done and what would be left", async () => {
    reconciler.known.set(VERIFICATION, diverged([EDITED, TORN]));
    const text = await run("repair", VERIFICATION, "--reason", "edited by hand");
    expect(text.split("\n")).toMatchObject({ 0: "would be set right: 1 record" });
    expect(text).toContain("users/ada: right: 2 of 3 regions hold it\n");
    expect(text).toContain("left alone: 1 record that nothing proves; --preferred names");
    expect(text).toMatch(/\nnothing was changed; --apply does it\n$/);
    expect(reconciler.repairs).toMatchObject([{ isDryRun: true, reason: "edited by hand" }]);
    expect(reconciler.verified).toEqual([]);
  });

  it("is done when it is told to, and verifies again", async () => {
    reconciler.known.set(VERIFICATION, diverged([EDITED, TORN]));
    const words = ["repair", VERIFICATION, "--apply", "--preferred", "eu", "--reason", "edited by hand"];
    const text = await run(...words);
    expect(text).toContain(`set right: 2 records, by repair ${REPAIR} at position 1240\n`);
    expect(text).toContain("        0  match");
    expect(reconciler.repairs).toMatchObject([{ isDryRun: false, preferred: "eu" }]);
    expect(reconciler.verified).toEqual([0]);
    expect(process.exitCode).toBe(0);
  });

  it("ends with 1 where something differs still", async () => {
    reconciler.known.set(VERIFICATION, diverged([EDITED, TORN]));
    found(diverged([TORN]));
    await run("repair", VERIFICATION, "--apply", "--reason", "edited by hand");
    expect(process.exitCode).toBe(1);
  });

  it("says why it is refused", async () => {
    const reason = ["--reason", "x"];
    await expect(run("repair", verificationId(9), ...reason)).rejects.toThrow("(verification-not-found)");
    reconciler.known.set(VERIFICATION, diverged([TORN]));
    await expect(run("repair", VERIFICATION, ...reason, "--preferred", "mars")).rejects.toThrow(
      "those that were are eu, us, ap (unknown-region)",
    );
    await expect(run("repair", VERIFICATION, "--reason", " ")).rejects.toThrow("(malformed-body)");
    reconciler.known.set(VERIFICATION, matching(0));
    await expect(run("repair", VERIFICATION, ...reason)).rejects.toThrow("(not-diverged)");
  });
});

describe("repairs", () => {
  const repaired = {
    tenant: "default",
    collection: "users",
    partition: 0,
    position: 1_240,
    logTimeMs: 1_720_000_000_000,
    repair: REPAIR,
    reason: "edited by hand",
  };

  it("prints what was changed, before and after", async () => {
    bed.rig.gateway.storedRepairs = [
      { ...repaired, key: "ada", ordinal: 0, before: row("ada", "Eve"), after: row("ada", "Ada") },
      { ...repaired, key: "bob", ordinal: 1, before: null, after: row("bob", "Bob") },
    ];
    expect((await run("repairs")).split("\n")).toEqual([
      "when                      place   record     reason          change                    repair",
      `2024-07-03T09:46:40.000Z  0/1240  users/bob  edited by hand  [row]: none → version 12  ${REPAIR}`,
      `2024-07-03T09:46:40.000Z  0/1240  users/ada  edited by hand  name: "Eve" → "Ada"       ${REPAIR}`,
      "",
    ]);
    bed.printed = "";
    expect(await run("repairs", "--limit", "1", "--collection", "users")).toContain(
      "\nthere are more: --cursor x1.",
    );
  });

  it("prints that there are none, and the answer when it is told to", async () => {
    expect(await run("repairs")).toContain("no repairs in this region");
    bed.printed = "";
    expect(JSON.parse(await run("repairs", "--json"))).toEqual({ repairs: [] });
  });
});
