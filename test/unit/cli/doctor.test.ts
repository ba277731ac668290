/** `forebay doctor`, against the real HTTP server with a stub behind it. */
import { afterEach, describe, expect, it } from "vitest";
import { allChecks, formatChecks, type ExaminedRegion } from "../../../services/cli/commands/doctor.ts";
import type { DoctorAnswer } from "../../../services/protocol/http/doctor.ts";
import { cliBed } from "./bed.ts";

const bed = cliBed((rig) => {
  rig.gateway.doctor.checks = [{ name: "node-version", verdict: "ok", found: "Node.js 24.1.0" }];
});

afterEach(() => {
  process.exitCode = undefined;
});

function examined(region: string, more: Partial<DoctorAnswer> = {}, offsetMs = 0): ExaminedRegion {
  const versions = { software: "1.0.0", entry: 7, node: "24.1.0", postgres: "18.4", nats: "2.15.1" };
  const answer = { region, now_ms: 1, checks: [], versions, partitions: 1, ...more };
  return { region, answer, problem: undefined, offsetMs, uncertaintyMs: 5 };
}

const between = (...regions: readonly ExaminedRegion[]) =>
  Object.fromEntries(allChecks(regions).map(({ name, verdict }) => [name, verdict]));

const ALIKE = {
  clocks: "ok", "same-software": "ok", "same-entry-version": "ok", "same-nats-server": "ok", "same-postgresql": "ok", "same-partitions": "ok",
}; // prettier-ignore

describe("doctor", () => {
  it("prints what was found, and ends with 0", async () => {
    expect(await bed.run("doctor")).toMatch(/ok +eu +node-version +Node.js 24.1.0/);
    expect(process.exitCode).toBeUndefined();
    // Another request reads the clock without looking again.
    expect(bed.rig.gateway.doctor.examined).toBe(1);
  });

  it.each([
    ["warn", 1],
    ["fail", 2],
  ] as const)("ends with the code of the worst: %s is %i", async (verdict, code) => {
    bed.rig.gateway.doctor.checks.push({ name: "log-store", verdict, found: "15 GB", advice: "raise it" });
    const text = await bed.run("doctor");
    expect(process.exitCode).toBe(code);
    // What is wrong comes first.
    expect(text.split("\n")[1]).toMatch(new RegExp(`^${verdict} +eu +log-store`));
    expect(text).toContain("to change:\neu log-store: raise it");
  });

  it("compares the regions", () => {
    const [eu, us] = [examined("eu"), examined("us")];
    const versions = eu.answer!.versions;
    expect(between(eu, us)).toEqual(ALIKE);
    expect(between(eu)).toEqual({});
    const other = (more: Partial<DoctorAnswer["versions"]>) =>
      between(eu, examined("us", { versions: { ...versions, ...more } }));
    expect(other({ software: "1.1.0" })).toEqual({ ...ALIKE, "same-software": "warn" });
    expect(other({ entry: 8 })).toEqual({ ...ALIKE, "same-entry-version": "warn" });
    expect(other({ nats: "2.14.0" })).toEqual({ ...ALIKE, "same-nats-server": "warn" });
    expect(other({ postgres: "18.5" })).toEqual(ALIKE);
    expect(other({ postgres: "17.2" })).toEqual({ ...ALIKE, "same-postgresql": "warn" });
    expect(between(eu, examined("us", { partitions: 2 }))).toEqual({ ...ALIKE, "same-partitions": "fail" });
    expect(between(eu, examined("us", {}, 450))).toEqual({ ...ALIKE, clocks: "warn" });
    expect(between(examined("eu", {}, 400), us, examined("ap", {}, -400))).toEqual({
      ...ALIKE,
      clocks: "fail",
    });
  });

  it("says of a region that it does not answer, and compares the others", () => {
    const gone = { region: "ap", answer: undefined, problem: "ECONNREFUSED", offsetMs: 0, uncertaintyMs: 0 };
    const checks = allChecks([examined("eu"), examined("us"), gone]);
    expect(checks[0]).toMatchObject({ region: "ap", name: "region-answers", verdict: "fail" });
    expect(formatChecks(checks)).toMatch(/fail +ap +region-answers +ECONNREFUSED/);
  });
});
