/** The rules as Prometheus itself reads and tries them: each alert fires at its fault, and not while all is well. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALERT_SCENARIOS } from "../../observability/alert-scenarios.ts";
import { fullMetrics, newMetrics } from "../../observability/full-metrics.ts";
import { promtool } from "../../observability/promtool.ts";
import { allRules, OBSERVABILITY, ruleFiles } from "../../observability/rule-files.ts";
import { ruleTest } from "../../observability/rule-test.ts";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-rules-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @param change of one rule file's text. */
function plantedRules(change: (text: string) => string): string[] {
  return ruleFiles().map((path) => {
    const text = readFileSync(path, "utf8");
    const planted = join(folder, basename(path));
    writeFileSync(planted, change(text));
    return planted;
  });
}

async function testRules(files: readonly string[], scenarios = ALERT_SCENARIOS) {
  const path = join(folder, "test.yaml");
  writeFileSync(path, ruleTest(files, scenarios));
  return promtool(["test", "rules", path]);
}

describe("the rules", () => {
  it("are such as Prometheus takes, with its configuration", async () => {
    const checked = await promtool(["check", "rules", ...ruleFiles()]);
    expect(checked.text).toContain("SUCCESS");
    expect(checked.isGood, checked.text).toBe(true);
    const config = await promtool(["check", "config", join(OBSERVABILITY, "prometheus.yaml")]);
    expect(config.isGood, config.text).toBe(true);
  });

  it("fire at their fault, say what operators need, and are silent while all is well", async () => {
    const tested = await testRules(ruleFiles());
    expect(tested.isGood, tested.text).toBe(true);
  });

  it("have a scenario for each alert", () => {
    const alerts = new Set(allRules().flatMap(({ alert }) => alert ?? []));
    expect(alerts.size).toBe(26);
    expect(new Set(ALERT_SCENARIOS.map(({ alert }) => alert))).toEqual(alerts);
  });
});

describe("promtool", () => {
  it("finds a rule that can't be read, one that fires too early, and one that never does", async () => {
    const unreadable = plantedRules((text) => text.replace("max by (partition) (", "max by partition) ("));
    const checked = await promtool(["check", "rules", ...unreadable]);
    expect(checked.isGood).toBe(false);
    expect(checked.text).toContain("could not parse expression");
    const of = (name: string) => ALERT_SCENARIOS.filter(({ alert }) => alert === name);
    const early = plantedRules((text) => text.replace("for: 1h", "for: 1m"));
    const tooEarly = await testRules(early, of("RegionDrained"));
    expect(tooEarly.isGood).toBe(false);
    expect(tooEarly.text).toContain("RegionDrained");
    const misspelt = plantedRules((text) => text.replace("forebay_fold_stopped)", "forebay_fold_stoped)"));
    const never = await testRules(misspelt, of("FoldStopped"));
    expect(never.isGood).toBe(false);
    expect(never.text).toContain("FoldStopped");
  });

  it("takes what processes tell, new and after everything has happened, and no broken text", async () => {
    const size = { partitions: 2, regions: ["eu", "us", "ap"] };
    for (const meter of [newMetrics(size).meter, fullMetrics(size)]) {
      const checked = await promtool(["check", "metrics"], await meter.text());
      expect(checked, checked.text).toEqual({ isGood: true, text: "" });
    }
    const misnamed = await promtool(["check", "metrics"], "# TYPE things counter\nthings 1\n");
    expect(misnamed.isGood).toBe(false);
    expect(misnamed.text).toContain('should have "_total" suffix');
  });
});
