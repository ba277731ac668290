import { expect, it } from "vitest";
import { StallDetector } from "../../../../services/adapters/jetstream/stall.ts";

/** Ticks until stalled, at most so often; the number of ticks it took. */
async function ticksUntilStalled(
  detector: StallDetector,
  options: { expected: number; ticksMax: number },
): Promise<number | undefined> {
  for (let tick = 1; tick <= options.ticksMax; tick += 1) {
    if (await detector.tick(options.expected)) return tick;
  }
  return undefined;
}

it("finds a stall at the second look at a head that is ahead", async () => {
  const detector = new StallDetector(async () => 7);
  expect(await ticksUntilStalled(detector, { expected: 7, ticksMax: 100 })).toBe(10);
});

it("finds none in a log that has nothing new", async () => {
  const detector = new StallDetector(async () => 6);
  expect(await ticksUntilStalled(detector, { expected: 7, ticksMax: 100 })).toBeUndefined();
});

it("finds none where the head moves and messages keep coming", async () => {
  let head = 6;
  const detector = new StallDetector(async () => (head += 1));
  for (let expected = 7; expected < 30; expected += 1) {
    expect(await ticksUntilStalled(detector, { expected, ticksMax: 8 })).toBeUndefined();
    detector.sawMessage();
  }
});

it("draws no conclusion while nobody knows the head", async () => {
  const detector = new StallDetector(async () => Promise.reject(new Error("no leader")));
  expect(await ticksUntilStalled(detector, { expected: 7, ticksMax: 100 })).toBeUndefined();
});
