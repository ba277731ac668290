/** Regions of different releases: upgraded under load and trouble, and taken back as far as that goes. */
import { describe, expect, it } from "vitest";
import { ENTRY_VERSION, TRACES_VERSION } from "../../services/protocol/entry-codec.ts";
import { firstSeed } from "./seeds.ts";
import { simulateUpgrade, type UpgradeReport } from "./upgrade-scenario.ts";

const SEEDS = 12;

describe("regions of different releases", () => {
  const reports: UpgradeReport[] = [];
  for (let seed = firstSeed; seed < firstSeed + SEEDS; seed += 1) {
    it(`get no entry that one can't read, and the newest once all can, seed ${seed}`, async () => {
      reports.push(await simulateUpgrade(seed));
    });
  }

  const sum = (number: (report: UpgradeReport) => number, among = reports) =>
    among.reduce((total, report) => total + number(report), 0);

  it("had what needs newer entries asked of them before all could read them, and after", () => {
    // A newer version than this needs requests of its own (newer-requests.ts).
    expect(ENTRY_VERSION).toBe(8);
    const newest = reports.filter(({ oldReads }) => oldReads === ENTRY_VERSION - 1);
    for (const among of [newest, reports]) {
      expect(sum(({ schemasRefused }) => schemasRefused, among)).toBeGreaterThan(SEEDS);
      expect(sum(({ schemasTaken }) => schemasTaken, among)).toBeGreaterThan(0);
    }
    const withoutTraces = reports.filter(({ oldReads }) => oldReads < TRACES_VERSION);
    expect(sum(({ tracesLeftOut }) => tracesLeftOut, withoutTraces)).toBeGreaterThan(SEEDS);
    expect(sum(({ tracesTold }) => tracesTold, withoutTraces)).toBeGreaterThan(0);
  });

  it("went back, and where newer software had folded they could not", () => {
    expect(sum(({ returned }) => returned)).toBeGreaterThan(SEEDS / 2);
    expect(sum(({ refusedStarts }) => refusedStarts)).toBeGreaterThan(0);
  });

  it("replay a seed exactly", async () => {
    expect(await simulateUpgrade(firstSeed)).toEqual(reports[0]);
  });
});
