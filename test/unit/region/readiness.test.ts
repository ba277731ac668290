import { beforeEach, describe, expect, it } from "vitest";
import { Readiness } from "../../../services/region/readiness.ts";
import { TurnedClock } from "../console/fakes.ts";

const NOTICE_MS = 5_000;

describe("whoever stops a process", () => {
  let clock: TurnedClock;
  let reasons: string[];
  let isDrained: boolean;
  let readiness: Readiness;

  beforeEach(() => {
    clock = new TurnedClock();
    reasons = [];
    isDrained = false;
    readiness = new Readiness({ clock, reasons: () => [...reasons], isDrained: () => isDrained });
  });

  it("gives notice where it serves, also if nobody has asked yet", () => {
    expect(readiness.noticeMs(NOTICE_MS)).toBe(NOTICE_MS);
  });

  it("gives none where it has never served", () => {
    reasons = ["the database is away"];
    expect(readiness.noticeMs(NOTICE_MS)).toBe(0);
  });

  it("gives notice to those who were told just now that it serves", () => {
    expect(readiness.reasons()).toEqual([]);
    reasons = ["the database is away"];
    expect(readiness.reasons()).toEqual(reasons);
    clock.ms += NOTICE_MS;
    expect(readiness.noticeMs(NOTICE_MS)).toBe(NOTICE_MS);
    clock.ms += 1;
    expect(readiness.noticeMs(NOTICE_MS)).toBe(0);
  });

  it("gives none once it was drained for as long", () => {
    readiness.reasons();
    isDrained = true;
    expect(readiness.noticeMs(NOTICE_MS)).toBe(NOTICE_MS);
    clock.ms += NOTICE_MS + 1;
    expect(readiness.noticeMs(NOTICE_MS)).toBe(0);
  });
});
