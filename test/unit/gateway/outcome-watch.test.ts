/** Hearing of decisions: from this process's applier, or from the store, which may be slow, away, or say nothing at all. */
import { describe, expect, it } from "vitest";
import type { OperationOutcome } from "../../../services/core/fold/state.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { OutcomeWatch, type Verdict } from "../../../services/gateway/decisions/outcome-watch.ts";
import {
  StoreUnavailableError,
  type FoldedOutcomes,
  type RegionStore,
} from "../../../services/ports/region-store.ts";
import { FoldFeed } from "../../../services/runtime/fold-feed.ts";
import { Bed, idOf, overriding, read, type RegionBed } from "./bed.ts";
import { credit, ending, orderedBed, pay, standStill } from "./ordered.ts";

const down = () => Promise.reject(new StoreUnavailableError("the database is away", { outcome: "none" }));
const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

/** A gateway process that hears no applier, and what it asks of the store. */
function deaf(region: RegionBed, overrides: Partial<RegionStore> = {}) {
  const asked: number[] = [];
  const { store } = region.options;
  const readOutcomes: RegionStore["readOutcomes"] = (options) => {
    asked.push(options.ids.length);
    return (overrides.readOutcomes ?? store.readOutcomes.bind(store))(options);
  };
  const counting = overriding(store, { ...overrides, readOutcomes });
  return { gateway: region.anotherGateway({ store: counting, folded: new FoldFeed() }), asked };
}

describe("a gateway whose applier is in another process", () => {
  it("answers by what the store says, for and against", async () => {
    const bed = await orderedBed();
    const { gateway } = deaf(bed.first);
    const startedAtMs = bed.world.nowMs;
    expect(await bed.run(gateway.write(pay()))).toMatchObject({ status: "committed", isReplayed: false });
    const error = await bed.refused(gateway.write(credit(-1)));
    expect(error.code).toBe("out-of-bounds");
    expect(error.details.position!.sequence).toBeGreaterThan(0);
    expect(bed.world.nowMs - startedAtMs).toBeLessThanOrEqual(200);
    expect((await bed.run(gateway.read(read()))).fields).toEqual({ status: "paid" });
  });

  it("asks once for all that wait, and no more once nobody does", async () => {
    const bed = await orderedBed();
    const { gateway, asked } = deaf(bed.first);
    const writing = numbers(100).map((number) => gateway.write(credit(1, { key: `k${number}` })));
    for (const { status } of await bed.run(Promise.all(writing))) expect(status).toBe("committed");
    const times = asked.length;
    expect(Math.max(...asked)).toBeGreaterThanOrEqual(50);
    expect(times).toBeLessThanOrEqual(6);
    await bed.pass(1_000);
    expect(asked.length).toBeLessThanOrEqual(times + 1);
  });

  it("does not know the outcome at the deadline while the store is away, and says so: it has taken effect", async () => {
    const bed = await orderedBed();
    const { gateway } = deaf(bed.first, { readOutcomes: down });
    const startedAtMs = bed.world.nowMs;
    const error = await bed.refused(gateway.write(credit(1, { deadlineMs: 1_000 })));
    expect(error.code).toBe("outcome-unknown");
    expect(bed.world.nowMs - startedAtMs).toBeLessThanOrEqual(1_100);
    const { operation: id, expiresAtMs } = error.details;
    await bed.pass(3_000);
    const question = { tenant: "acme", id: id!, expiresAtMs: expiresAtMs! };
    expect(await bed.run(bed.first.gateway.operation(question))).toMatchObject({ status: "committed" });
  });

  it("answers as soon as the store is back", async () => {
    const bed = await orderedBed();
    const { store } = bed.first.options;
    let isDown = true;
    const readOutcomes: RegionStore["readOutcomes"] = (options) =>
      isDown ? down() : store.readOutcomes(options);
    const { gateway } = deaf(bed.first, { readOutcomes });
    const writing = gateway.write(pay({ deadlineMs: 10_000 }));
    await bed.pass(3_000);
    isDown = false;
    const backAtMs = bed.world.nowMs;
    expect(await bed.run(writing)).toMatchObject({ status: "committed" });
    expect(bed.world.nowMs - backAtMs).toBeLessThanOrEqual(100);
  });

  it("keeps the deadline, although the store hangs", async () => {
    const bed = await orderedBed();
    const { gateway } = deaf(bed.first, { readOutcomes: () => new Promise<FoldedOutcomes>(() => undefined) });
    const startedAtMs = bed.world.nowMs;
    const writing = numbers(3).map(() => ending(gateway.write(credit(1, { deadlineMs: 800 }))));
    for (const answer of await bed.run(Promise.all(writing))) {
      expect(answer).toMatchObject({ code: "outcome-unknown" });
    }
    expect(bed.world.nowMs - startedAtMs).toBeLessThanOrEqual(900);
  });

  it("is told nothing false, however often the store's answers are lost", async () => {
    const bed = await orderedBed({ seed: 5 });
    bed.first.faults.lostAnswers = 0.3;
    const { random } = bed.world;
    const gateways = [bed.first.gateway, deaf(bed.first).gateway];
    const writing = numbers(60).map(async (number) => {
      await bed.first.options.clock.sleep(random.integer(0, 5_000));
      const request = credit(1, { key: `k${number}`, deadlineMs: random.integer(100, 2_000) });
      return ending(random.pick(gateways).write(request)).catch(() => "not sent");
    });
    const answers = await bed.run(Promise.all(writing));
    bed.first.faults.lostAnswers = 0;
    await bed.pass(5_000);
    for (const [number, answer] of answers.entries()) {
      const key = `k${number}`;
      const seen = await bed.run(bed.first.gateway.read(read({ key })).catch(() => undefined));
      if (answer === "not sent") expect(seen, key).toBeUndefined();
      else if (typeof answer === "object" && "status" in answer) expect(seen?.fields["credit"], key).toBe(1);
      else expect(answer, key).toMatchObject({ code: "outcome-unknown" });
    }
  });
});

describe("a gateway whose applier tells it", () => {
  it("needs no store to hear of a decision", async () => {
    const bed = await orderedBed();
    const store = overriding(bed.first.options.store, { readOutcomes: down });
    const gateway = bed.first.anotherGateway({ store });
    expect(await bed.run(gateway.write(pay()))).toMatchObject({ status: "committed" });
    expect(await bed.refusal(gateway.write(credit(-1)))).toBe("out-of-bounds");
  });

  it("sends nothing while the store is away beforehand", async () => {
    const bed = await orderedBed();
    const { gateway } = bed.first;
    const fresh = bed.first.anotherGateway();
    await standStill(bed, bed.first);
    const end = bed.servers.messages(0).length;
    bed.first.faults.isDown = true;
    await expect(bed.run(fresh.write(pay()))).rejects.toThrow(StoreUnavailableError);
    const keyed = gateway.write(pay({ idempotencyKey: "key-1" }));
    await expect(bed.run(keyed)).rejects.toThrow(StoreUnavailableError);
    expect(bed.servers.messages(0).length).toBe(end);
  });
});

describe("the watch of one partition", () => {
  interface Rig {
    readonly bed: Bed;
    readonly watch: OutcomeWatch;
    readonly folded: FoldFeed;
    /** What the store answers; ids that it was asked for. */
    answer: () => FoldedOutcomes | Promise<FoldedOutcomes>;
    readonly asked: string[][];
  }

  function buildRig(): Rig {
    const bed = new Bed();
    const asked: string[][] = [];
    const folded = new FoldFeed();
    const made: Omit<Rig, "watch"> = { bed, folded, asked, answer: () => place(0) };
    const readOutcomes = async ({ ids }: { ids: readonly string[] }) => {
      asked.push([...ids]);
      return made.answer();
    };
    const { clock } = bed.first.options;
    const watch = new OutcomeWatch({ clock, folded, store: { readOutcomes } }, 0);
    return Object.assign(made, { watch });
  }

  const place = (logTimeMs: number, ids: readonly number[] = []): FoldedOutcomes => ({
    position: 9,
    logTimeMs,
    forgottenTimeMs: 0,
    outcomes: ids.map(outcomeOf),
  });

  function outcomeOf(number: number): OperationOutcome {
    return {
      id: idOf(number),
      tenant: "acme",
      position: 9,
      requestHash: "0".repeat(64),
      origin: "eu",
      hlc: hlcFromMilliseconds(1),
      status: "committed",
    };
  }

  /** Waits for an operation that is dead after log time 1 000. */
  function wait({ watch }: Rig, number: number, deadlineAtMs = 10_000): { verdict: Promise<Verdict> } {
    return watch.wait({ id: idOf(number), expiresAtMs: 1_000, deadlineAtMs });
  }

  it("tells all that wait for an operation, and nobody else", async () => {
    const rig = buildRig();
    const [one, same, other] = [wait(rig, 1), wait(rig, 1), wait(rig, 2, 500)];
    rig.folded.tell({
      partition: 1,
      position: 9,
      logTimeMs: 5_000,
      origins: {},
      outcomes: [outcomeOf(2)],
      durationMs: 5,
    });
    rig.folded.tell({
      partition: 0,
      position: 9,
      logTimeMs: 5,
      origins: {},
      outcomes: [outcomeOf(1)],
      durationMs: 5,
    });
    const decided = { status: "decided", outcome: outcomeOf(1) };
    expect(await rig.bed.run(Promise.all([one.verdict, same.verdict]))).toEqual([decided, decided]);
    expect(await rig.bed.run(other.verdict)).toEqual({ status: "unknown" });
    expect(rig.watch.logTimeMs).toBe(5);
  });

  it("calls nothing expired by what it hears: the outcome may be in the part that it has missed", async () => {
    const rig = buildRig();
    const { verdict } = wait(rig, 1, 500);
    rig.folded.tell({
      partition: 0,
      position: 9,
      logTimeMs: 5_000,
      origins: {},
      outcomes: [],
      durationMs: 5,
    });
    expect(await rig.bed.run(verdict)).toEqual({ status: "unknown" });
  });

  it("calls expired what the store has not, at a log time past the deadline; the instant itself is in time", async () => {
    const rig = buildRig();
    rig.answer = () => place(1_000);
    const { verdict } = wait(rig, 1);
    await rig.bed.pass(500);
    rig.answer = () => place(1_000, [1]);
    expect(await rig.bed.run(verdict)).toMatchObject({ status: "decided" });
    rig.answer = () => place(1_001);
    expect(await rig.bed.run(wait(rig, 2).verdict)).toEqual({ status: "expired" });
  });

  it("prefers the outcome to the time: both come in one snapshot", async () => {
    const rig = buildRig();
    rig.answer = () => place(5_000, [1]);
    expect(await rig.bed.run(wait(rig, 1).verdict)).toMatchObject({ status: "decided" });
  });

  it("does not judge those who come while the store is asked by what it says then", async () => {
    const rig = buildRig();
    const { clock } = rig.bed.first.options;
    rig.answer = async () => {
      await clock.sleep(300);
      rig.answer = () => place(5_000, [2]);
      return place(5_000);
    };
    const first = wait(rig, 1);
    await rig.bed.pass(100);
    const second = wait(rig, 2);
    expect(await rig.bed.run(first.verdict)).toEqual({ status: "expired" });
    expect(await rig.bed.run(second.verdict)).toMatchObject({ status: "decided" });
  });

  it("asks for all in turn, although more wait than one look can take and many are never decided", async () => {
    const rig = buildRig();
    const lost = numbers(3_000).map((number) => wait(rig, number, 5_000).verdict);
    rig.answer = () => place(0, rig.asked.at(-1)!.includes(idOf(9_999)) ? [9_999] : []);
    const { verdict } = wait(rig, 9_999, 5_000);
    expect(await rig.bed.run(verdict)).toMatchObject({ status: "decided" });
    expect(rig.bed.world.nowMs).toBeLessThan(1_000);
    expect(Math.max(...rig.asked.map((ids) => ids.length))).toBeLessThan(3_000);
    await rig.bed.run(Promise.all(lost));
  });

  it("forgets who was refused, and then asks no more", async () => {
    const rig = buildRig();
    const { verdict, forget } = rig.watch.wait({ id: idOf(1), expiresAtMs: 1_000, deadlineAtMs: 60_000 });
    forget();
    expect(await rig.bed.run(verdict)).toEqual({ status: "unknown" });
    await rig.bed.pass(500);
    expect(rig.asked).toEqual([]);
  });
});
