/** How much scans rest: not at all where somebody waits for them, and most where folding has a backlog. */
import { describe, expect, it } from "vitest";
import type { OriginState } from "../../../../services/core/fold/state.ts";
import { scanRestMs } from "../../../../services/core/verify/scan-pace.ts";

/** A region whose tick told of a WAL up to `walHead`. */
function origin(watermark: number, walHead: number | undefined): OriginState {
  const tick = walHead === undefined ? null : ({ walHead } as OriginState["tick"]);
  return { watermark, tick } as OriginState;
}

describe("scanRestMs", () => {
  const idle = { eu: origin(1_000_000, 1_000_000), us: origin(7, undefined) };

  it("does not rest while somebody waits for the verdict", () => {
    expect(scanRestMs({ isGentle: false, origins: idle })).toBe(0);
  });

  it("rests where it may take its time", () => {
    expect(scanRestMs({ isGentle: true, origins: idle })).toBeGreaterThan(0);
  });

  it("rests more where any region's operations wait to be folded, whoever waits for the scan", () => {
    const gentle = scanRestMs({ isGentle: true, origins: idle });
    const origins = { eu: origin(0, 6_000), us: origin(100, 6_100) };
    for (const isGentle of [true, false]) expect(scanRestMs({ isGentle, origins })).toBeGreaterThan(gentle);
  });

  it("takes a WAL whose tick came before its last operations for folded", () => {
    expect(scanRestMs({ isGentle: false, origins: { eu: origin(50_000, 20_000) } })).toBe(0);
  });
});
