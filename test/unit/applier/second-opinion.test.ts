import { describe, expect, it } from "vitest";
import { SecondOpinion } from "../../../services/applier/second-opinion.ts";
import type { TickEntry } from "../../../services/core/entry.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { ZERO_HLC } from "../../../services/core/hlc.ts";

const HISTORY_MAX = 8_192;

const chainAt = (position: number): string => sha256(`ours ${position}`);

function tick(origin: string, appliedPosition: number, chain = chainAt(appliedPosition)): TickEntry {
  return {
    kind: "tick",
    origin,
    hlc: ZERO_HLC,
    walHead: 0,
    appliedPosition,
    chain,
    software: "test",
    reads: 1,
  };
}

function opinionUpTo(position: number): SecondOpinion {
  const opinion = new SecondOpinion();
  for (let at = 0; at <= position; at += 1) opinion.remember(at, chainAt(at));
  return opinion;
}

describe("second opinion", () => {
  it("agrees with a region that holds the same log, however far behind it is", () => {
    const opinion = opinionUpTo(100);
    for (const position of [0, 1, 50, 100])
      expect(opinion.hear(tick("us", position))).toEqual({ region: "us", position, agrees: true });
    expect(opinion.isOutvoted(3)).toBe(false);
  });

  it("disagrees with another chain at the same position", () => {
    const opinion = opinionUpTo(10);
    expect(opinion.hear(tick("us", 7, sha256("theirs")))).toEqual({
      region: "us",
      position: 7,
      agrees: false,
    });
  });

  it("can't tell of a region that is ahead, or too far behind", () => {
    const opinion = opinionUpTo(HISTORY_MAX + 10);
    expect(opinion.hear(tick("us", HISTORY_MAX + 11, sha256("theirs")))).toBeUndefined();
    expect(opinion.hear(tick("us", 3, sha256("theirs")))).toBeUndefined();
    expect(opinion.hear(tick("us", 1_000))).toMatchObject({ agrees: true });
    expect(opinion.isOutvoted(3)).toBe(false);
  });

  it("is outvoted by more than half of the members, and not by one that says it often", () => {
    const opinion = opinionUpTo(10);
    for (let time = 0; time < 5; time += 1) opinion.hear(tick("us", 7, sha256("theirs")));
    expect(opinion.isOutvoted(3)).toBe(false);
    opinion.hear(tick("ap", 7, sha256("theirs")));
    expect(opinion.isOutvoted(3)).toBe(true);
    expect(opinion.isOutvoted(4)).toBe(false);
    expect(opinion.isOutvoted(5)).toBe(false);
  });

  it("forgets a disagreement when the region agrees again", () => {
    const opinion = opinionUpTo(10);
    for (const region of ["us", "ap"]) opinion.hear(tick(region, 7, sha256("theirs")));
    opinion.hear(tick("us", 8));
    expect(opinion.isOutvoted(3)).toBe(false);
  });

  it("keeps a disagreement that a region which can't be compared does not take back", () => {
    const opinion = opinionUpTo(10);
    for (const region of ["us", "ap"]) opinion.hear(tick(region, 7, sha256("theirs")));
    expect(opinion.hear(tick("us", 500, sha256("theirs")))).toBeUndefined();
    expect(opinion.isOutvoted(3)).toBe(true);
  });
});
