import { getEventListeners } from "node:events";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { SystemClock } from "../../../../services/adapters/system/clock.ts";
import {
  environmentCrashPoints,
  InvalidCrashPointError,
} from "../../../../services/adapters/system/crash-points.ts";
import { SystemRandom } from "../../../../services/adapters/system/random.ts";
import { CRASH_POINTS } from "../../../../services/ports/crash-points.ts";

describe("the system's clock", () => {
  const clock = new SystemClock();

  it("never goes back when it measures", () => {
    const first = clock.monotonicMs();
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(first);
  });

  it("sleeps, and leaves nothing at the signal", async () => {
    const { signal } = new AbortController();
    await clock.sleep(1, signal);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("wakes up when the signal is aborted, also one that was before", async () => {
    const controller = new AbortController();
    const sleeping = clock.sleep(2 ** 40, controller.signal);
    controller.abort();
    await sleeping;
    await clock.sleep(2 ** 40, controller.signal);
  });
});

describe("the system's randomness", () => {
  const random = new SystemRandom();

  it("makes UUIDs of version 7 that begin with the time", () => {
    const uuid = random.uuid(0x0123_4567_89ab);
    expect(uuid).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("makes UUIDs that differ and sort by time", () => {
    const uuids = Array.from({ length: 1_000 }, (_, index) => random.uuid(1_700_000_000_000 + index));
    expect(new Set(uuids).size).toBe(uuids.length);
    expect(uuids.toSorted()).toEqual(uuids);
    expect(random.uuid(1)).not.toBe(random.uuid(1));
  });

  it("makes fractions from 0 to below 1", () => {
    for (let count = 0; count < 1_000; count += 1) {
      const fraction = random.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});

describe("crash points from the environment", () => {
  it.each([undefined, ""])("do nothing without a value (%j)", (value) => {
    const points = environmentCrashPoints(value);
    for (const point of CRASH_POINTS) points.reach(point);
  });

  it.each(["after-lunch", "after-publish:0", "after-publish:x", "after-publish:1:2", ":3"])(
    "refuse %j",
    (value) => {
      expect(() => environmentCrashPoints(value)).toThrow(InvalidCrashPointError);
    },
  );

  it("name those that there are when they refuse", () => {
    expect(() => environmentCrashPoints("after-lunch")).toThrow(CRASH_POINTS.join(", "));
  });

  it.each([
    ["after-publish", 1],
    ["after-publish:3", 3],
  ])("kill the process at %s when it is reached for the %i. time", (value, time) => {
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    onTestFinished(() => kill.mockRestore());
    const points = environmentCrashPoints(value);
    for (let passes = 1; passes < time; passes += 1) points.reach("after-publish");
    points.reach("before-publish");
    expect(kill).not.toHaveBeenCalled();
    points.reach("after-publish");
    expect(kill.mock.calls).toEqual([[process.pid, "SIGKILL"]]);
  });
});
