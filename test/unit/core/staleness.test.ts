/** How stale a region may be: what its own clock says, unless that is behind what others and the log agree on. */
import { expect, it } from "vitest";
import { hlcFromMilliseconds, MAX_OFFSET_MS } from "../../../services/core/hlc.ts";
import { stalenessMs } from "../../../services/core/staleness.ts";

const NOW_MS = 1_000_000;

function stale(options: { nowMs?: number; logTimeMs?: number; us?: number; ap?: number }): number {
  const { nowMs = NOW_MS, logTimeMs = NOW_MS, us = NOW_MS, ap = NOW_MS } = options;
  const origins = Object.fromEntries(
    Object.entries({ eu: NOW_MS, us, ap }).map(([region, ms]) => [
      region,
      { hlc: hlcFromMilliseconds(ms), tick: null },
    ]),
  );
  return stalenessMs({ logTimeMs, origins }, { region: "eu", nowMs }) - MAX_OFFSET_MS;
}

it("is the age of what is proven of the region that is furthest behind", () => {
  expect(stale({})).toBe(0);
  expect(stale({ us: NOW_MS - 700, ap: NOW_MS - 300 })).toBe(700);
  expect(stale({ logTimeMs: NOW_MS - 900, us: NOW_MS - 700 })).toBe(900);
});

it("is not less by a clock that is behind log time and another region's", () => {
  expect(stale({ nowMs: NOW_MS - 60_000, us: NOW_MS - 700 })).toBe(700);
});

it("is not more by log time that was ahead once, or by one region's clock", () => {
  expect(stale({ logTimeMs: NOW_MS + 60_000, us: NOW_MS - 700 })).toBe(700);
  expect(stale({ us: NOW_MS + 60_000, ap: NOW_MS - 700 })).toBe(700);
});
