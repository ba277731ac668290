/** `forebay log`, against the real HTTP server with a stub behind it. */
import { describe, expect, it } from "vitest";
import { formatLog } from "../../../services/cli/commands/log.ts";
import { logAnswer } from "../../../services/gateway/http/log-answers.ts";
import { planRebuild } from "../../../services/core/log/rebuild-plan.ts";
import { MADE_AT_MS, question } from "../gateway-http/stub-logs.ts";
import { cliBed } from "./bed.ts";

const STOPPED = { stopped: "the log has lost its tail" };
const FAILED = question(
  { ap: { ...STOPPED, position: 95 }, eu: { ...STOPPED, walHead: 30 }, us: STOPPED },
  { found: { createdAtMs: MADE_AT_MS, firstPosition: 1, lastPosition: 80 } },
);
const ANEW = { logCreatedAtMs: MADE_AT_MS + 60_000, position: 105 };
const FOLLOWED = question(
  { ap: { ...STOPPED, position: 95 }, eu: ANEW, us: ANEW },
  { found: { createdAtMs: MADE_AT_MS + 60_000, firstPosition: 101, lastPosition: 110 } },
);

const bed = cliBed((rig) => {
  rig.gateway.logs.asked = question();
  rig.gateway.logs.rebuilds.length = 0;
  rig.gateway.logs.next.length = 0;
  process.exitCode = undefined;
});

const words = (text: string) => text.split("\n").map((line) => line.trim().split(/ {2,}/));

/** What the command has left, so that no test run ends with it. */
function exitCode(): unknown {
  const { exitCode: code } = process;
  process.exitCode = undefined;
  return code;
}

describe("log status", () => {
  it("prints what each region has", async () => {
    expect(words(await bed.run("log", "status"))).toEqual([
      ["partition", "region", "position", "log", "WAL", "state"],
      ...["ap", "eu", "us"].map((region) => ["0", region, "100", "this", "9", "folds"]),
      [""],
    ]);
    expect(exitCode()).toBeUndefined();
  });

  it("says what has failed, and ends with 1", async () => {
    bed.rig.gateway.logs.asked = FAILED;
    const text = await bed.run("log");
    expect(text).toMatch(/eu +100 +this +30 +the log has lost its tail/);
    expect(text).toContain("partition 0 has failed: the log holds 1 to 80");
    expect(text).toContain('"forebay log rebuild" says what making it anew would do');
    expect(exitCode()).toBe(1);
  });

  it("says which region can't be asked, and which folds another log", () => {
    const plan = planRebuild(question({ us: undefined, eu: { logCreatedAtMs: 5 } }));
    const text = formatLog(logAnswer([{ plan, problem: undefined, made: undefined }]));
    expect(text).toMatch(/us +it does not answer/);
    expect(text).toMatch(/eu +100 +another/);
    expect(text).toContain("--without us");
  });
});

describe("log rebuild", () => {
  it("says what it would do, and does nothing", async () => {
    bed.rig.gateway.logs.asked = FAILED;
    const text = await bed.run("log", "rebuild");
    expect(words(text)).toEqual([
      ["partition 0: a log of epoch 1 would go on from what eu has folded, up to 100"],
      ["region", "position", "proposed again", "then"],
      ["ap", "95", "2", "needs a bootstrap"],
      ["eu", "100", "23", "folds on"],
      ["us", "100", "2", "folds on"],
      ["nothing was changed: --yes does it"],
      [""],
    ]);
    expect(bed.rig.gateway.logs.rebuilds).toMatchObject([{ isDryRun: true, partition: undefined }]);
    expect(exitCode()).toBeUndefined();
  });

  it("says what stands against it, and ends with 1", async () => {
    bed.rig.gateway.logs.asked = { ...FAILED, ...question({ us: undefined, eu: STOPPED, ap: STOPPED }) };
    expect(await bed.run("log", "rebuild", "--partition", "0")).toContain("--without us");
    expect(exitCode()).toBe(1);
  });

  it("does it, waits for the regions that go on, and says what the others need", async () => {
    bed.rig.gateway.logs.asked = FAILED;
    bed.rig.gateway.logs.next.push(FAILED, FOLLOWED);
    const text = await bed.run("log", "rebuild", "--yes", "--without", "sa", "--from", "eu", "--force");
    expect(bed.rig.gateway.logs.rebuilds).toEqual([
      { partition: undefined, isDryRun: false, without: ["sa"], from: "eu", isForced: true },
    ]);
    expect(bed.warned).toContain("eu, us does not fold yet");
    expect(text).toContain("its first entry is at 101");
    expect(text).toContain("region ap: was behind, and loads its state from another region");
    expect(text).toContain('"forebay verify"');
    expect(exitCode()).toBeUndefined();
  });

  it("gives up waiting at the deadline, and says how far it is", async () => {
    bed.rig.gateway.logs.asked = FAILED;
    await expect(bed.run("log", "rebuild", "--yes", "--deadline", "0")).rejects.toThrow(
      /does not fold yet.*log status/,
    );
  });
});
