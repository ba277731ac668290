/** Series that must not outlive what they tell of: members that have left, candidates, and the roles of this process. */
import { expect, it } from "vitest";
import { initialPartitionState, type OriginState } from "../../../services/core/fold/state.ts";
import { ZERO_HLC } from "../../../services/core/hlc.ts";
import { newMetrics } from "../../observability/full-metrics.ts";

const NOBODY = { foldedByAll: 1, pinnedBy: undefined, away: [] };
const HEAD = {
  sequence: 0,
  hlc: ZERO_HLC,
  pendingRows: 0,
  pendingBytes: 0,
  oldestPendingAtMs: undefined,
  nowMs: 1,
};

function rig() {
  const { meter, metrics } = newMetrics({ partitions: 1, regions: ["eu", "us", "ap"] });
  const peersOf = async (name: string) =>
    [...(await meter.text()).matchAll(new RegExp(`^${name}\\{[^}]*(?:peer|candidate)="(\\w+)"`, "gm"))].map(
      ([, peer]) => peer,
    );
  const value = async (name: string) =>
    new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(await meter.text())?.[1];
  return { metrics, peersOf, value };
}

it("a member that has left has no lag, pins nothing and is not away", async () => {
  const { metrics, peersOf } = rig();
  const tick = { appliedPosition: 1, logTimeMs: 1 } as OriginState["tick"];
  const state = { ...initialPartitionState(0), position: 2 };
  const withMembers = (names: readonly string[]) => {
    const origins = Object.fromEntries(names.map((name) => [name, { tick } as OriginState]));
    metrics.health.observed(0, { ...state, origins }, HEAD);
    metrics.trim.members(0, { regions: names, placed: NOBODY });
  };
  withMembers(["eu", "us", "ap"]);
  expect(await peersOf("forebay_peer_lag_entries")).toEqual(["us", "ap"]);
  withMembers(["eu", "us"]);
  for (const name of ["forebay_peer_lag_entries", "forebay_peer_silence_seconds"])
    expect(await peersOf(name), name).toEqual(["us"]);
  for (const name of ["forebay_trim_pinned_by", "forebay_member_away"])
    expect(await peersOf(name), name).toEqual(["eu", "us"]);
});

it("a candidate is told as long as it is ranked, by the process that looks", async () => {
  const { metrics, peersOf } = rig();
  const candidates = () => peersOf("forebay_quorum_round_trip_seconds");
  metrics.placement.ranked(0, [
    { region: "eu", quorumRoundTripMs: 10 },
    { region: "us", quorumRoundTripMs: 20 },
  ] as never);
  metrics.placement.ranked(0, [{ region: "us", quorumRoundTripMs: 20 }] as never);
  expect(await candidates()).toEqual(["us"]);
  metrics.placement.left(0);
  expect(await candidates()).toEqual([]);
});

it("a process that does not fold any more tells of no clocks, and reads nothing elsewhere", async () => {
  const { metrics, peersOf, value } = rig();
  const applier = metrics.applier(0);
  applier.clockOffset({ region: "us", offsetMs: 5, isBeyond: false });
  applier.readsElsewhere(true);
  applier.left();
  expect(await peersOf("forebay_clock_offset_seconds")).toEqual([]);
  expect(await value("forebay_log_read_elsewhere")).toBe("0");
});

it("a verdict of before is told without being counted, as damage is found once", async () => {
  const { metrics, value } = rig();
  metrics.reconciler.recalled({ id: "v", partition: 0, verdict: "diverged", atMs: 5_000, differing: 3 });
  expect(await value("forebay_verified_timestamp_seconds")).toBe("5");
  expect(await value("forebay_differing_records")).toBe("3");
  expect(await value("forebay_verifications_total")).toBe("0");
});
