/** When the head of a WAL passed a sequence: near the truth, however much is forgotten. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeadTrack } from "../../../services/console/view/head-track.ts";

describe("the track of a head", () => {
  it("tells when a sequence was taken, between the looks before and after", () => {
    const track = new HeadTrack();
    track.observe(10, 1_000);
    track.observe(10, 60_000);
    track.observe(20, 61_000);
    expect(track.passedAtMs(10)).toBe(1_000);
    expect(track.passedAtMs(15)).toBe(60_500);
    expect(track.passedAtMs(20)).toBe(61_000);
    expect(track.passedAtMs(21)).toBeUndefined();
  });

  it("calls what is older than all it knows as old as that", () => {
    const track = new HeadTrack();
    track.observe(10, 1_000);
    expect(track.passedAtMs(3)).toBe(1_000);
  });

  it("does not go back in time where a look comes late", () => {
    const track = new HeadTrack();
    track.observe(10, 5_000);
    track.observe(20, 4_000);
    expect(track.passedAtMs(20)).toBe(5_000);
  });

  it("forgets what a database told that was another one", () => {
    const track = new HeadTrack();
    track.observe(100, 1_000);
    track.observe(5, 2_000);
    expect(track.passedAtMs(5)).toBe(2_000);
    expect(track.passedAtMs(50)).toBeUndefined();
  });

  it("never goes back as sequences rise, and is right for what is recent", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 }), { minLength: 2, maxLength: 500 }), (steps) => {
        const track = new HeadTrack();
        const passed: number[] = [];
        let head = 0;
        for (const [index, step] of steps.entries()) {
          for (let sequence = head + 1; sequence <= head + step; sequence += 1)
            passed[sequence] = index * 1_000;
          head += step;
          track.observe(head, index * 1_000);
        }
        let before = -Infinity;
        for (let sequence = 1; sequence <= head; sequence += 1) {
          const atMs = track.passedAtMs(sequence)!;
          expect(atMs).toBeGreaterThanOrEqual(before);
          before = atMs;
        }
        if (head > 0)
          expect(Math.abs(track.passedAtMs(head)! - (passed[head] ?? NaN))).toBeLessThanOrEqual(1_000);
      }),
    );
  });
});
