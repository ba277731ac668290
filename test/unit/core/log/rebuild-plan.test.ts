import { describe, expect, it } from "vitest";
import {
  planRebuild,
  type RebuildQuestion,
  type RegionLogState,
} from "../../../../services/core/log/rebuild-plan.ts";
import { MADE_AT_MS, question } from "../../gateway-http/stub-logs.ts";

const STOPPED = { stopped: "the log has lost its tail" };
const LOST = { found: { createdAtMs: MADE_AT_MS, firstPosition: 1, lastPosition: 80 } };

type Changes = { readonly [region: string]: Partial<RegionLogState> | undefined };

function plan(changes: Changes = {}, more: Partial<RebuildQuestion> = {}) {
  const { regions, from, refusal, ...rest } = planRebuild(question(changes, more));
  const fates = Object.fromEntries(regions.map(({ region, fate }) => [region, fate]));
  return { fates, from: from?.region, why: refusal?.why, reason: refusal?.reason ?? "", regions, ...rest };
}

const ALL_STOPPED = { ap: STOPPED, eu: STOPPED, us: STOPPED };

describe("making a log anew", () => {
  it("goes on from the furthest region; the others go on, or need a bootstrap", () => {
    const changes = { ap: { ...STOPPED, position: 95 }, eu: STOPPED, us: STOPPED };
    const found = plan(changes, LOST);
    expect(found).toMatchObject({ from: "eu", epoch: 1, lostPositions: 0, why: undefined });
    expect(found.fates).toEqual({ ap: "bootstrap", eu: "goes-on", us: "goes-on" });
  });

  it("counts what each region proposes again, and gives the log an epoch that none has had", () => {
    const eu = { ...STOPPED, walHead: 30, logEpoch: 3 };
    const { regions, epoch } = plan({ ...ALL_STOPPED, eu }, LOST);
    expect(regions.map(({ proposedAgain }) => proposedAgain)).toEqual([2, 23, 2]);
    expect(epoch).toBe(4);
  });

  it("is done where there is no log, or another one", () => {
    expect(plan(ALL_STOPPED, { found: undefined }).why).toBeUndefined();
    const found = { createdAtMs: MADE_AT_MS + 1, firstPosition: 1, lastPosition: 500 };
    expect(plan(ALL_STOPPED, { found }).why).toBeUndefined();
    // Also where nobody has noticed yet.
    expect(plan({}, { found }).why).toBeUndefined();
  });

  it("is refused where nothing is wrong, also by force: who folds on would stand beyond the new beginning", () => {
    expect(plan().why).toBe("healthy");
    expect(plan({}, { isForced: true }).why).toBe("others-fold");
    expect(plan({}, { from: "eu", isForced: true }).why).toBe("others-fold");
    expect(plan({ us: { position: 80 } }).why).toBe("healthy");
  });

  it("is refused where a region only came too late: that is no fault of the log", () => {
    const found = { createdAtMs: MADE_AT_MS, firstPosition: 50, lastPosition: 100 };
    expect(plan({ us: { ...STOPPED, position: 20 } }, { found }).why).toBe("healthy");
  });

  it("is refused where nobody has folded anything", () => {
    const nothing = { ...STOPPED, position: 0, cluster: undefined };
    expect(plan({ ap: nothing, eu: nothing, us: nothing }, LOST).why).toBe("no-state");
  });

  it("waits for a region that can't be asked, until it is named, and says what is lost without it", () => {
    const changes = { ...ALL_STOPPED, us: undefined };
    const waiting = plan(changes, LOST);
    expect(waiting).toMatchObject({ why: "unreachable" });
    expect(waiting.reason).toMatch(/us can't be asked.*--without us/);
    expect(waiting.fates["us"]).toBe("unreachable");
    expect(plan(changes, { ...LOST, without: ["ap"] }).why).toBe("unreachable");
    expect(plan(changes, { ...LOST, without: ["us"] }).why).toBeUndefined();
    const origins = { us: { watermark: 7, appliedPosition: 130 } };
    const heard = plan({ ...changes, eu: { ...STOPPED, origins } }, { ...LOST, without: ["us"] });
    expect(heard.lostPositions).toBe(30);
  });

  it("asks whose past counts where two have folded different entries up to the same position", () => {
    const changes = { ...ALL_STOPPED, us: { ...STOPPED, chain: "cd".repeat(32) } };
    const refused = plan(changes, LOST);
    expect(refused.why).toBe("disagreeing");
    expect(refused.reason).toMatch(/us and ap have folded different entries up to 100.*--from/);
    const chosen = plan(changes, { ...LOST, from: "us" });
    expect(chosen).toMatchObject({ from: "us", why: undefined });
    expect(chosen.fates).toEqual({ ap: "rejoin", eu: "rejoin", us: "goes-on" });
  });

  it("asks whose past counts where one folds on from a log that the others can't go on from", () => {
    const us = { position: 120 };
    const found = { ...LOST.found, lastPosition: 120 };
    const refused = plan({ ap: STOPPED, eu: STOPPED, us }, { found });
    expect(refused).toMatchObject({ why: "disagreeing", from: "us" });
    expect(refused.reason).toMatch(/us folds on from the log that ap, eu can't/);
    const chosen = plan({ ap: STOPPED, eu: STOPPED, us }, { found, from: "eu" });
    expect(chosen).toMatchObject({ why: undefined, lostPositions: 20 });
    expect(chosen.fates).toEqual({ ap: "goes-on", eu: "goes-on", us: "rejoin" });
  });

  it("is refused where others fold the log that is there: that is not mended by another log", () => {
    const found = { createdAtMs: MADE_AT_MS, firstPosition: 101, lastPosition: 110 };
    const goesOn = { eu: { position: 110 }, us: { position: 110 } };
    // Beyond what the log was made anew from.
    const beyond = { ...STOPPED, position: 120, logCreatedAtMs: MADE_AT_MS - 1 };
    const refused = plan({ ...goesOn, ap: beyond }, { found });
    expect(refused.why).toBe("others-fold");
    expect(refused.reason).toMatch(/eu, us folds the log that is there.*rejoin" has ap load/);
    // Has joined a moment ago.
    const empty = { position: 0, cluster: undefined, logCreatedAtMs: undefined };
    expect(plan({ ap: empty }).why).toBe("others-fold");
  });

  it("asks whose past counts where a region is of another cluster", () => {
    const us = { ...STOPPED, position: 90, cluster: "01990000-0000-7000-8000-000000000009" };
    expect(plan({ ...ALL_STOPPED, us }, LOST).why).toBe("disagreeing");
  });

  it("is refused from a region that does not answer, or has folded nothing", () => {
    expect(plan({ ...ALL_STOPPED, us: undefined }, { ...LOST, from: "us" }).why).toBe("unknown-region");
    expect(plan(ALL_STOPPED, { ...LOST, from: "sa" }).why).toBe("unknown-region");
    const us = { ...STOPPED, position: 0, cluster: undefined };
    expect(plan({ ...ALL_STOPPED, us }, { ...LOST, from: "us" }).why).toBe("unknown-region");
  });

  const closed = { createdAtMs: MADE_AT_MS + 1, firstPosition: 101, lastPosition: 101, isClosed: true };
  const hasFolded = { position: 101, logCreatedAtMs: closed.createdAtMs };

  it("that was cut off before the log was opened only opens it, whoever is silent", () => {
    for (const ap of [STOPPED, hasFolded]) {
      const planned = plan({ ap, eu: STOPPED, us: undefined }, { found: closed });
      expect(planned).toMatchObject({ why: undefined, resumedAfter: 100 });
      expect(planned.fates).toEqual({ ap: "goes-on", eu: "goes-on", us: "unreachable" });
    }
    const empty = { ...closed, lastPosition: 100 };
    expect(plan(ALL_STOPPED, { found: empty })).toMatchObject({ why: undefined, resumedAfter: 100 });
  });

  it("asks whose past counts as long as the first entry is not there, although the log is", () => {
    const changes = { ...ALL_STOPPED, us: { ...STOPPED, chain: "cd".repeat(32) } };
    const empty = { ...closed, lastPosition: 100 };
    expect(plan(changes, { found: empty })).toMatchObject({ why: "disagreeing", resumedAfter: 100 });
    expect(plan(changes, { found: empty, from: "us" })).toMatchObject({ why: undefined, from: "us" });
    // The entry that is there has settled it.
    expect(plan(changes, { found: closed })).toMatchObject({ why: undefined, resumedAfter: 100 });
  });

  it("is done from the beginning where a closed log goes on from something else", () => {
    const further = { ...STOPPED, position: 120 };
    const planned = plan({ ...ALL_STOPPED, us: further }, { found: closed });
    expect(planned).toMatchObject({ why: undefined, resumedAfter: undefined, from: "us" });
    // Two that were cut off one after the other.
    const stranger = { ...STOPPED, position: 101 };
    expect(plan({ ...ALL_STOPPED, us: stranger }, { found: closed }).resumedAfter).toBeUndefined();
  });

  it("takes a log that nobody can publish to for no healthy one, though all fold it", () => {
    const planned = plan({ ap: hasFolded, eu: hasFolded, us: hasFolded }, { found: closed });
    expect(planned).toMatchObject({ why: undefined, resumedAfter: 100 });
  });
});
