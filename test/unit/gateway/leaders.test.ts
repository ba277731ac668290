/** An operator who moves leadership: to whom, for how long, and what is refused. */
import { describe, expect, it } from "vitest";
import { LogUnavailableError } from "../../../services/ports/global-log.ts";
import {
  decodePlacementAnswer,
  encodePlacementMessage,
} from "../../../services/protocol/placement-message.ts";
import { overriding, type RegionBed, type Bed } from "./bed.ts";
import { placedBed, type PlacedBed } from "./placed.ts";

const MINUTE_MS = 60_000;

const to = (region: string, holdMs = 10 * MINUTE_MS, partition?: number) => ({ region, holdMs, partition });

/** A gateway of us, whose first hand-over finds that the leader has died, and that another is elected after so long. */
function gatewayInElection(
  { bed, us }: PlacedBed,
  { electionMs, meanwhile }: { electionMs: number; meanwhile?: () => void },
) {
  const { log } = us.options;
  const handOvers: string[] = [];
  const moveLeader: typeof log.moveLeader = (request) => {
    handOvers.push(request.to);
    if (handOvers.length === 1) {
      bed.servers.leader = undefined;
      meanwhile?.();
      bed.world.after(electionMs, () => {
        bed.servers.leader = "eu";
      });
    }
    return log.moveLeader(request);
  };
  return { gateway: us.anotherGateway({ log: overriding(log, { moveLeader }) }), handOvers };
}

/** A gateway whose hand-overs begin late. */
function slowGateway(region: RegionBed, lateMs: number) {
  const { log, clock } = region.options;
  const moveLeader: typeof log.moveLeader = async (request) => {
    await clock.sleep(lateMs);
    return log.moveLeader(request);
  };
  return region.anotherGateway({ log: overriding(log, { moveLeader }) });
}

/** A gateway whose hand-overs take long, and come to nothing. */
function brokenGateway(region: RegionBed) {
  const { log, clock } = region.options;
  const handOvers: string[] = [];
  const moveLeader: typeof log.moveLeader = async ({ to: wanted }) => {
    handOvers.push(wanted);
    await clock.sleep(4_000);
    return { leader: "eu" };
  };
  return { gateway: region.anotherGateway({ log: overriding(log, { moveLeader }) }), handOvers };
}

/** A gateway of us, whose leader does not know ap for so many looks. */
function gatewayOfYoungLeader({ us }: PlacedBed, looks: number) {
  const { log } = us.options;
  let left = looks;
  return us.anotherGateway({
    log: overriding(log, {
      async leadership(partition) {
        const told = await log.leadership(partition);
        left -= 1;
        if (left < 0) return told;
        return {
          ...told,
          unknownReplicas: 1,
          replicas: told.replicas.filter(({ region }) => region !== "ap"),
        };
      },
    }),
  });
}

async function shown(bed: Bed, { gateway }: RegionBed) {
  return (await bed.run(gateway.leaders()))[0]!;
}

describe("leadership", () => {
  it("is shown with what agreement takes under each region", async () => {
    const { bed, us } = await placedBed();
    expect(await shown(bed, us)).toMatchObject({
      partition: 0,
      leader: "eu",
      isAutomatic: true,
      hold: undefined,
      ranking: [
        { region: "eu", quorumRoundTripMs: 50 },
        { region: "us", quorumRoundTripMs: 50 },
        { region: "ap", quorumRoundTripMs: 100 },
      ],
    });
  });

  it("is shown as far as it can be while nobody leads, or placement does not answer", async () => {
    const { bed, us, silence } = await placedBed();
    bed.servers.leader = undefined;
    expect(await shown(bed, us)).toMatchObject({ leader: undefined, isAutomatic: true });
    silence("us");
    await bed.pass(3_000);
    expect(await shown(bed, us)).toMatchObject({ leader: undefined, isAutomatic: undefined, ranking: [] });
  });

  it("moves where it is wanted, whoever is asked, and all regions know of the hold", async () => {
    const { bed, eu, us, ap } = await placedBed();
    for (const [asked, wanted] of [
      [us, "ap"],
      [ap, "us"],
      [us, "us"],
    ] as const) {
      expect(await bed.run(asked.gateway.moveLeader(to(wanted)))).toEqual([{ partition: 0, leader: wanted }]);
      expect(bed.servers.leader).toBe(wanted);
      for (const region of [eu, us, ap]) {
        const { hold } = await shown(bed, region);
        expect(hold!.leader).toBe(wanted);
        expect(hold!.leftMs).toBeGreaterThan(9 * MINUTE_MS);
      }
    }
  });

  it("moves once an election is over that has come in between", async () => {
    const placed = await placedBed();
    const { gateway } = gatewayInElection(placed, { electionMs: 8_000 });
    expect(await placed.bed.run(gateway.moveLeader(to("ap")))).toEqual([{ partition: 0, leader: "ap" }]);
    expect(placed.bed.servers.leader).toBe("ap");
  });

  it("moves once the leader knows of the region's server", async () => {
    const placed = await placedBed();
    const gateway = gatewayOfYoungLeader(placed, 1);
    expect(await placed.bed.run(gateway.moveLeader(to("ap")))).toEqual([{ partition: 0, leader: "ap" }]);
  });

  it("is held for the whole time only once it has moved: nobody else would call it off", async () => {
    const placed = await placedBed();
    const { gateway } = gatewayInElection(placed, { electionMs: 8_000 });
    const moving = gateway.moveLeader(to("ap"));
    await placed.bed.pass(4_000);
    expect((await shown(placed.bed, placed.eu)).hold!.leftMs).toBeLessThanOrEqual(30_000);
    await placed.bed.run(moving);
    expect((await shown(placed.bed, placed.eu)).hold!.leftMs).toBeGreaterThan(9 * MINUTE_MS);
  });

  it("is held for the whole time, though looks take long, which began while it moved", async () => {
    const placed = await placedBed(1, 3_000);
    const { bed } = placed;
    for (const wanted of ["ap", "us", "ap", "us", "ap"]) {
      await bed.run(slowGateway(placed.us, 1_500).moveLeader(to(wanted)));
      await bed.pass(7_000);
      for (const region of bed.regions) {
        const { hold } = await shown(bed, region);
        expect(hold!.leader).toBe(wanted);
        expect(hold!.leftMs).toBeGreaterThan(9 * MINUTE_MS);
      }
    }
  });

  it("is held no longer than it was told, and not at all for 0", async () => {
    const { bed, us, ap } = await placedBed();
    await bed.run(ap.gateway.moveLeader(to("ap", MINUTE_MS)));
    await bed.pass(MINUTE_MS);
    expect((await shown(bed, us)).hold).toBeUndefined();
    await bed.run(ap.gateway.moveLeader(to("us")));
    await bed.run(ap.gateway.moveLeader(to("us", 0)));
    expect((await shown(bed, us)).hold).toBeUndefined();
  });

  it("moves for all partitions, or for one", async () => {
    const { bed, us } = await placedBed(2);
    expect(await bed.run(us.gateway.moveLeader(to("us")))).toEqual([
      { partition: 0, leader: "us" },
      { partition: 1, leader: "us" },
    ]);
    expect(await bed.run(us.gateway.moveLeader(to("ap", 0, 1)))).toEqual([{ partition: 1, leader: "ap" }]);
    const error = await bed.refused(us.gateway.moveLeader(to("ap", 0, 2)));
    expect(error).toMatchObject({ code: "malformed-body", details: { field: "partition" } });
    expect(error.message).toContain("the cluster has 0 to 1");
  });
});

describe("a move is refused", () => {
  it("to a region that the cluster does not have", async () => {
    const { bed, us } = await placedBed();
    const error = await bed.refused(us.gateway.moveLeader(to("mars")));
    expect(error.code).toBe("unknown-region");
    expect(error.message).toBe('there is no region "mars"; the cluster has ap, eu, us');
  });

  it("to one that is drained", async () => {
    const { bed, us, ap } = await placedBed();
    await bed.run(ap.gateway.drain({ isForced: false }));
    const error = await bed.refused(us.gateway.moveLeader(to("ap")));
    expect(error.code).toBe("region-not-fit");
    expect(error.message).toContain("undrain it first");
    expect(bed.servers.leader).toBe("eu");
  });

  it("to one whose server is away", async () => {
    const { bed, us } = await placedBed();
    bed.servers.cutOff.add("ap");
    const error = await bed.refused(us.gateway.moveLeader(to("ap")));
    expect(error.code).toBe("region-not-fit");
    expect(error.message).toContain("the nats-server of region ap is away");
  });

  it("while nobody leads", async () => {
    const { bed, us } = await placedBed();
    bed.servers.leader = undefined;
    expect(await bed.refusal(us.gateway.moveLeader(to("ap")))).toBe("no-quorum");
  });

  it("to one that the leader does not know for long", async () => {
    const placed = await placedBed();
    const error = await placed.bed.refused(gatewayOfYoungLeader(placed, 100).moveLeader(to("ap")));
    expect(error.code).toBe("region-not-fit");
    expect(error.message).toContain("eu, which leads, knows of no copy");
  });

  it("to one that keeps no copy", async () => {
    const { bed, us } = await placedBed();
    const { log } = us.options;
    const leadership: typeof log.leadership = async (partition) => ({
      ...(await log.leadership(partition)),
      replicas: [],
    });
    const error = await bed.refused(
      us.anotherGateway({ log: overriding(log, { leadership }) }).moveLeader(to("ap")),
    );
    expect(error.message).toContain("region ap holds no copy");
  });

  it("once no leader has been elected for long, without a hold, and says why", async () => {
    const placed = await placedBed();
    const { gateway } = gatewayInElection(placed, { electionMs: 30_000 });
    const error = await placed.bed.refused(gateway.moveLeader(to("ap")));
    expect(error.code).toBe("leader-not-moved");
    expect(error.message).toContain(
      "nobody that is known, although ap was asked for: partition 0 has no leader",
    );
    expect((await shown(placed.bed, placed.us)).hold).toBeUndefined();
  });

  it("once the region has gone away itself, and whoever is elected leads on", async () => {
    const placed = await placedBed();
    const { servers } = placed.bed;
    const meanwhile = () => void servers.cutOff.add("ap");
    const { gateway, handOvers } = gatewayInElection(placed, { electionMs: 3_000, meanwhile });
    const error = await placed.bed.refused(gateway.moveLeader(to("ap")));
    expect(error.message).toContain(
      "led by eu, although ap was asked for: the nats-server of region ap is away",
    );
    expect(handOvers).toEqual(["ap"]);
    expect(servers.leader).toBe("eu");
  });

  it("once a later order has come, which goes on to hold", async () => {
    for (const isOwnSilent of [false, true]) {
      const placed = await placedBed();
      const { bed, eu, us, ap } = placed;
      const { gateway, handOvers } = brokenGateway(us);
      const earlier = bed.refused(gateway.moveLeader(to("ap")));
      await bed.pass(1_000);
      await bed.run(eu.gateway.moveLeader(to("us")));
      // Another process of the region takes the role over, and knows nothing yet.
      if (isOwnSilent) placed.silence("us");
      expect((await earlier).message).toContain("another order, for us, has come after that for ap");
      expect(handOvers).toEqual(["ap"]);
      expect(bed.servers.leader).toBe("us");
      expect((await shown(bed, ap)).hold!.leftMs).toBeGreaterThan(9 * MINUTE_MS);
    }
  });

  it("but not for an earlier order, which its region still tells", async () => {
    const { bed, us } = await placedBed();
    const hold = { id: "earlier", leader: "eu", ageMs: 70_000, holdMs: MINUTE_MS };
    const bus: typeof us.options.bus = overriding(us.options.bus, {
      async request(asked) {
        const answer = await us.options.bus.request(asked);
        if (asked.region !== "us") return answer;
        return encodePlacementMessage({ ...decodePlacementAnswer(answer), hold });
      },
    });
    const gateway = us.anotherGateway({ bus });
    expect(await bed.run(gateway.moveLeader(to("ap")))).toEqual([{ partition: 0, leader: "ap" }]);
  });

  it("only once the time is over, where the log refuses to hand over", async () => {
    const { bed, us } = await placedBed();
    const { log, clock } = us.options;
    let refusals = 10;
    const moveLeader: typeof log.moveLeader = (request) => {
      refusals -= 1;
      return refusals < 0 ? log.moveLeader(request) : Promise.reject(new LogUnavailableError("not now"));
    };
    const gateway = us.anotherGateway({ log: overriding(log, { moveLeader }) });
    expect(await bed.run(gateway.moveLeader(to("ap")))).toEqual([{ partition: 0, leader: "ap" }]);
    refusals = Infinity;
    const startedAtMs = clock.monotonicMs();
    expect((await bed.refused(gateway.moveLeader(to("us")))).message).toContain("asked for: not now");
    expect(clock.monotonicMs() - startedAtMs).toBeGreaterThan(9_000);
  });

  it("and leaves no hold behind, where another region comes to lead", async () => {
    const { bed, us } = await placedBed();
    const moveLeader = () => Promise.resolve({ leader: "eu" });
    const { log } = us.options;
    const elsewhere = us.anotherGateway({ log: overriding(log, { moveLeader }) });
    const error = await bed.refused(elsewhere.moveLeader(to("ap")));
    expect(error.code).toBe("leader-not-moved");
    expect(error.message).toContain("led by eu, although ap was asked for");
    expect((await shown(bed, us)).hold).toBeUndefined();
  });
});
