/** What is told of the log's leader and its copies: nothing that is not known, and nothing any more once another process looks. */
import { describe, expect, it } from "vitest";
import type { Leadership } from "../../../services/ports/global-log.ts";
import { createLeadershipMetrics } from "../../../services/region/metrics/leadership.ts";
import { Meter } from "../../../services/runtime/metrics.ts";

const REGIONS = ["eu", "us", "ap"];

function rig() {
  const meter = new Meter({});
  const metrics = createLeadershipMetrics(meter, { region: "eu", regions: REGIONS });
  const value = async (series: string) =>
    new RegExp(`^${series.replaceAll(/[{}]/g, "\\$&")} (\\S+)$`, "m").exec(await meter.text())?.[1];
  const look = (leadership: Leadership | undefined, lastPosition?: number) =>
    metrics.look(0, { leadership, lastPosition });
  return { metrics, value, look };
}

function led(leader: string | undefined, term?: number, replicas: Leadership["replicas"] = []): Leadership {
  return { leader, term, leaderSinceMs: undefined, replicas };
}

describe("the log's leader", () => {
  it("is told by region, and that there is none", async () => {
    const { value, look } = rig();
    look(led("eu", 1), 40);
    look(led("us", 2), 41);
    expect(await value('forebay_log_leader{partition="0",leader="eu"}')).toBe("0");
    expect(await value('forebay_log_leader{partition="0",leader="us"}')).toBe("1");
    expect(await value('forebay_log_term{partition="0"}')).toBe("2");
    expect(await value('forebay_log_last_position{partition="0"}')).toBe("41");
    look(undefined);
    expect(await value('forebay_log_leader{partition="0",leader="us"}')).toBe("0");
    expect(await value('forebay_log_has_leader{partition="0"}')).toBe("0");
  });

  it("changes as often as the term says, also between two looks, and never back", async () => {
    const { value, look } = rig();
    const changes = () => value('forebay_log_leader_changes_total{partition="0"}');
    look(led("eu", 3));
    expect(await changes()).toBe("0");
    look(led("eu", 6));
    expect(await changes()).toBe("3");
    look(undefined);
    look(led("us", 5));
    expect(await changes()).toBe("3");
  });

  it("changes by who leads, where no term is known", async () => {
    const { value, look } = rig();
    for (const leader of ["eu", "us", "us", "eu"]) look(led(leader));
    expect(await value('forebay_log_leader_changes_total{partition="0"}')).toBe("2");
  });
});

describe("copies of the log", () => {
  const copy = { region: "us", isOnline: false, isCurrent: false, lagEntries: 700, seenAgoMs: 9_000 };

  it("are told with the leader's own, until another process looks", async () => {
    const { metrics, value, look } = rig();
    look(led("eu", 1, [copy]));
    expect(await value('forebay_log_replica_online{partition="0",peer="eu"}')).toBe("1");
    expect(await value('forebay_log_replica_online{partition="0",peer="us"}')).toBe("0");
    expect(await value('forebay_log_replica_lag_entries{partition="0",peer="us"}')).toBe("700");
    look(undefined);
    expect(await value('forebay_log_replica_online{partition="0",peer="us"}')).toBeUndefined();
    look(led("eu", 1, [copy]));
    metrics.left(0);
    for (const name of ["replica_online", "replica_lag_entries", "replica_current"]) {
      expect(await value(`forebay_log_${name}{partition="0",peer="us"}`)).toBeUndefined();
    }
    expect(await value('forebay_log_has_leader{partition="0"}')).toBeUndefined();
    expect(await value('forebay_log_leader{partition="0",leader="eu"}')).toBeUndefined();
  });
});

describe("copies that the leader can't name", () => {
  it("count as away, until it knows them", async () => {
    const { value, look } = rig();
    const online = (peer: string) => value(`forebay_log_replica_online{partition="0",peer="${peer}"}`);
    look({ ...led("eu", 1), unknownReplicas: 2 });
    expect([await online("eu"), await online("unknown-1"), await online("unknown-2")]).toEqual([
      "1",
      "0",
      "0",
    ]);
    look(led("eu", 1));
    expect(await online("unknown-1")).toBeUndefined();
  });
});

describe("what is no longer seen", () => {
  const copy = { isOnline: true, isCurrent: true, lagEntries: 1, seenAgoMs: 9 };

  it("is not told: copies of before, and routes once no partition is looked at", async () => {
    const { metrics, value, look } = rig();
    look(led("eu", 1, [{ region: "us", ...copy }]));
    look(led("eu", 1, [{ region: "ap", ...copy }]));
    expect(await value('forebay_log_replica_online{partition="0",peer="us"}')).toBeUndefined();
    expect(await value('forebay_log_replica_online{partition="0",peer="ap"}')).toBe("1");
    metrics.routes({ us: 85, ap: 100 });
    metrics.left(0);
    expect(await value('forebay_route_up{peer="us"}')).toBeUndefined();
    expect(await value('forebay_route_round_trip_seconds{peer="ap"}')).toBeUndefined();
  });

  it("is no election either: what another process has seen meanwhile", async () => {
    const { metrics, value, look } = rig();
    look(led("eu", 3));
    metrics.left(0);
    look(led("us", 9));
    expect(await value('forebay_log_leader_changes_total{partition="0"}')).toBe("0");
  });
});

describe("ways to other regions", () => {
  it("are up or not, and unknown where the monitoring tells of none", async () => {
    const { metrics, value } = rig();
    metrics.routes({ us: 85 });
    expect(await value('forebay_route_up{peer="us"}')).toBe("1");
    expect(await value('forebay_route_up{peer="ap"}')).toBe("0");
    expect(await value('forebay_route_round_trip_seconds{peer="us"}')).toBe("0.085");
    metrics.routes({});
    expect(await value('forebay_route_up{peer="us"}')).toBeUndefined();
    expect(await value('forebay_route_up{peer="eu"}')).toBeUndefined();
  });
});
