/** What a leader tells of the servers that hold its stream, as nats-server 2.15 has said it. */
import type { StreamInfo } from "@nats-io/jetstream";
import { describe, expect, it } from "vitest";
import { countUnknownReplicas, toReplicas } from "../../../../services/adapters/jetstream/monitor.ts";

function onlineOf(replicas: readonly object[]): boolean[] {
  const info = { cluster: { name: "c", leader: "us", replicas } } as unknown as StreamInfo;
  return toReplicas(info).map(({ isOnline }) => isOnline);
}

function unknownOf(replicas: readonly object[], leader = "us"): number {
  const cluster = { name: "c", leader, replicas };
  return countUnknownReplicas({ config: { num_replicas: 3 }, cluster } as unknown as StreamInfo);
}

const AWAY = { name: "ap", current: false, active: 0, lag: 24, peer: "xwx60ba9" };
const HEARD = { name: "eu", current: true, active: 361_868_863, peer: "F26OQpjh" };

describe("replicas", () => {
  it("are online while the leader hears them", () => {
    expect(onlineOf([HEARD, { ...HEARD, current: false, lag: 9 }])).toEqual([true, true]);
    expect(
      onlineOf([
        { ...HEARD, active: 6_000_000_000 },
        { ...HEARD, offline: true },
      ]),
    ).toEqual([false, false]);
  });

  it("are not, where the leader has heard nothing since it was elected, because the one before has died", () => {
    expect(onlineOf([AWAY, { ...AWAY, active: undefined }])).toEqual([false, false]);
    expect(onlineOf([{ ...AWAY, current: true, lag: 0 }])).toEqual([true]);
  });

  it("are unknown where the leader leaves them out, or has no name for them yet", () => {
    const nameless = { ...AWAY, name: "Server name unknown at this time (peerID: xwx60ba9)" };
    expect(onlineOf([HEARD, nameless])).toEqual([true]);
    expect([[HEARD, AWAY], [HEARD, nameless], [HEARD], []].map((told) => unknownOf(told))).toEqual([
      0, 1, 1, 2,
    ]);
    expect(unknownOf([], "")).toBe(0);
  });
});
