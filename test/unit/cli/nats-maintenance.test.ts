/** `forebay nats leave` and `forebay nats wait`, against the real HTTP server with a stub behind it. */
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { PartitionLeader } from "../../../services/gateway/gateway.ts";
import type { LogReplica } from "../../../services/ports/global-log.ts";
import { cliBed } from "./bed.ts";

const CURRENT = { isOnline: true, isCurrent: true, lagEntries: 0, seenAgoMs: 5 };
const US: LogReplica = { region: "us", ...CURRENT };
const AP: LogReplica = { region: "ap", ...CURRENT };

function led(
  partition: number,
  leader: string | undefined,
  replicas: readonly LogReplica[],
): PartitionLeader {
  const ranking = ["ap", "us", "eu"].map((region) => ({ region, quorumRoundTripMs: 80 }));
  const isAutomatic = true;
  return { partition, leader, leaderSinceMs: undefined, ranking, replicas, isAutomatic, hold: undefined };
}

/** What a region tells once its order to move is carried out. */
let afterMove: (moved: PartitionLeader) => PartitionLeader;
/** Orders that come during an election. */
let refusedMoves: number;

const bed = cliBed(({ gateway }) => {
  gateway.leaderMoves.length = 0;
  afterMove = (moved) => moved;
  refusedMoves = 0;
  const original = Object.getPrototypeOf(gateway) as typeof gateway;
  gateway.moveLeader = async (request) => {
    if (refusedMoves > 0) {
      refusedMoves -= 1;
      const code = refusedMoves % 2 === 0 ? "leader-not-moved" : "region-not-fit";
      throw new GatewayError(code, "partition 0 is led by nobody that is known");
    }
    const moved = await original.moveLeader.call(gateway, request);
    gateway.partitionLeaders = gateway.partitionLeaders.map((one) => {
      if (one.partition !== request.partition || one.leader === undefined) return one;
      const others = one.replicas!.filter(({ region }) => region !== request.region);
      const replicas =
        one.leader === request.region ? one.replicas : [...others, { region: one.leader, ...CURRENT }];
      return afterMove({ ...one, leader: request.region, replicas });
    });
    return moved;
  };
});

describe("nats leave", () => {
  it("has what the server leads led by the best of the others, and what others lead stay there", async () => {
    const eu: LogReplica = { region: "eu", ...CURRENT };
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP]), led(1, "us", [eu, AP])];
    expect(await bed.run("nats", "leave", "eu", "--hold", "5m")).toContain("eu leads nothing");
    expect(bed.rig.gateway.leaderMoves).toMatchObject([
      { region: "ap", partition: 0, holdMs: 300_000 },
      { region: "us", partition: 1, holdMs: 300_000 },
    ]);
  });

  it.each([
    ["is away", { ...US, isOnline: false, seenAgoMs: 90_000 }, "the nats-server of us is away, for 1.5 min"],
    ["is behind", { ...US, lagEntries: 501 }, "that of us is 501 entries behind"],
  ])("is refused while another server %s, unless it is forced", async (_, us, why) => {
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [us, AP])];
    await expect(bed.run("nats", "leave", "eu")).rejects.toThrow(why);
    expect(bed.rig.gateway.leaderMoves).toEqual([]);
    await bed.run("nats", "leave", "eu", "--force");
    expect(bed.rig.gateway.leaderMoves).toMatchObject([{ region: "ap" }]);
  });

  it("does not say that the server can be stopped while another has not followed the new leader", async () => {
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    afterMove = (moved) => ({
      ...moved,
      replicas: moved.replicas!.map((one) => (one.region === "us" ? { ...one, lagEntries: 700 } : one)),
    });
    await expect(bed.run("nats", "leave", "eu", "--deadline", "0")).rejects.toThrow(
      "nats-server eu must not be stopped yet: partition 0: that of us is 700 entries behind",
    );
    expect(bed.printed).toBe("");
  });

  it("does not say so while the new leader does not know all others", async () => {
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    afterMove = (moved) => ({ ...moved, unknownReplicas: 1 });
    await expect(bed.run("nats", "leave", "eu", "--deadline", "0")).rejects.toThrow(
      "nats-server eu must not be stopped yet: partition 0: ap, which leads, does not know one server",
    );
    expect(bed.printed).toBe("");
  });

  it("goes on once a new leader has heard of the others", async () => {
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [{ ...US, isOnline: false }, AP])];
    const leaving = bed.run("nats", "leave", "eu");
    while (!bed.warned.includes("us is away")) await new Promise((resolve) => setTimeout(resolve, 5));
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    expect(await leaving).toContain("eu leads nothing");
  });

  it("goes on once an election is over that has come in between", async () => {
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    refusedMoves = 2;
    expect(await bed.run("nats", "leave", "eu")).toContain("eu leads nothing");
    expect(bed.warned).toContain("led by nobody that is known");
    expect(bed.rig.gateway.leaderMoves).toMatchObject([{ region: "ap", partition: 0 }]);
    refusedMoves = 1;
    const leaving = bed.run("nats", "leave", "ap", "--deadline", "0");
    await expect(leaving).rejects.toThrow(
      "nats-server ap must not be stopped now: partition 0 is led by nobody",
    );
  });

  it("says nothing of the servers that a young leader does not know, and waits until it knows them", async () => {
    const young = { ...led(0, "us", [{ region: "eu", ...CURRENT }]), unknownReplicas: 1 };
    bed.rig.gateway.partitionLeaders = [young];
    for (const name of ["eu", "ap"]) {
      const leaving = bed.run("nats", "leave", name, "--deadline", "0");
      await expect(leaving).rejects.toThrow(
        `nats-server ${name} must not be stopped now: partition 0: us, which leads, does not know one server that should keep it`,
      );
    }
    expect(bed.rig.gateway.leaderMoves).toEqual([]);
    await expect(bed.run("nats", "wait", "ap", "--deadline", "0")).rejects.toThrow(
      "does not know one server",
    );
    expect(await bed.run("nats", "wait", "eu")).toContain("eu has caught up");
  });

  it("is refused during an election, and for a region that has no server", async () => {
    bed.rig.gateway.partitionLeaders = [led(0, undefined, [])];
    const leaving = bed.run("nats", "leave", "eu", "--deadline", "0");
    await expect(leaving).rejects.toThrow("must not be stopped now: partition 0 has no leader");
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    await expect(bed.run("nats", "leave", "mars")).rejects.toThrow("eu, us, ap do");
  });
});

describe("nats wait", () => {
  it("returns once the server has caught up, and says what is missing at the deadline", async () => {
    const behind = { ...US, lagEntries: 900 };
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [behind, AP])];
    await expect(bed.run("nats", "wait", "us", "--deadline", "0")).rejects.toThrow(
      "not caught up within the deadline: partition 0: that of us is 900 entries behind",
    );
    bed.rig.gateway.partitionLeaders = [led(0, "eu", [US, AP])];
    expect(await bed.run("nats", "wait", "us")).toContain("us has caught up");
  });
});
