/** A log that fails while clients write, and is made anew: nothing that was acknowledged is lost, or counts twice. */
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../services/gateway/errors.ts";
import { FailingLog, type Failure } from "./failing-log.ts";
import { firstSeed } from "./seeds.ts";

const SEEDS = 6;

const FAILURES: readonly (readonly [Failure, RegExp])[] = [
  ["lost-tail", /lost its tail/],
  ["deleted", /is gone/],
  ["made-empty", /is empty|has been replaced/],
];

for (const [failure, reason] of FAILURES) {
  describe(`a log that is ${failure}`, () => {
    for (let seed = firstSeed; seed < firstSeed + SEEDS; seed += 1) {
      it(`is not folded, and made anew without loss, seed ${seed}`, async () => {
        const run = new FailingLog(seed);
        await run.start();
        await run.pass(5_000);
        const position = await run.standStill();
        run.fail(failure);
        const isStopped = () => run.stopReasons().every((text) => reason.test(text));
        await run.until(isStopped, "all regions have stopped");
        for (const name of ["eu", "us", "ap"]) expect(run.position(name)).toBe(position);
        const before = run.acknowledged;
        await run.pass(3_000);
        expect(run.acknowledged).toBeGreaterThan(before);
        if (failure === "made-empty") expect(run.kindsInLog()).not.toContain("genesis");
        const dry = await run.rebuild({ isDryRun: true });
        expect(dry).toMatchObject({ plan: { refusal: undefined, lostPositions: 0 }, made: undefined });
        expect(run.cluster.servers.firstPosition(0)).toBeLessThanOrEqual(position);
        const { made } = await run.rebuild();
        expect(made).toMatchObject({ epoch: 1, position: position + 1 });
        await run.pass(5_000);
        await run.finish();
        expect(run.stopReasons()).toEqual(["", "", ""]);
        await expect(run.rebuild()).rejects.toMatchObject({ code: "log-healthy" });
      });
    }
  });
}

describe("a log that fails twice", () => {
  it("has a later epoch each time", async () => {
    const run = new FailingLog(firstSeed);
    await run.start();
    for (const epoch of [1, 2]) {
      await run.pass(4_000);
      await run.standStill();
      run.fail(epoch === 1 ? "deleted" : "lost-tail");
      await run.until(() => run.stopReasons().every((text) => text !== ""), "all regions have stopped");
      expect((await run.rebuild()).made).toMatchObject({ epoch });
    }
    await run.pass(4_000);
    await run.finish();
  });
});

describe("a region that was cut off when the log failed", () => {
  it("is waited for until it is named; then it is told what it needs, and the others go on", async () => {
    const run = new FailingLog(firstSeed);
    await run.start();
    await run.pass(3_000);
    run.cluster.servers.cutOff.add("ap");
    await run.pass(3_000);
    await run.standStill();
    run.fail("deleted");
    const isStopped = () =>
      run
        .stopReasons()
        .slice(0, 2)
        .every((text) => text !== "");
    await run.until(isStopped, "the others have stopped");
    const ask = (change: object) =>
      run
        .region("eu")
        .processes[0]!.gateway.logKeeping()
        .rebuildLogs({
          partition: 0,
          isDryRun: false,
          without: [],
          from: undefined,
          isForced: false,
          ...change,
        });
    const refused = ask({}).catch((error: unknown) => error);
    await run.pass(20_000);
    const refusal = await refused;
    expect(refusal).toBeInstanceOf(GatewayError);
    expect((refusal as GatewayError).message).toMatch(/ap can't be asked.*--without ap/);
    const made = ask({ without: ["ap"] });
    await run.pass(20_000);
    expect((await made)[0]!.plan.regions.map(({ fate }) => fate)).toEqual([
      "unreachable",
      "goes-on",
      "goes-on",
    ]);
    run.cluster.servers.cutOff.clear();
    const at = run.position("ap");
    const isTold = () => /needs a bootstrap/.test(run.stopReasons()[2]!);
    await run.until(isTold, "ap says that it needs a bootstrap");
    const before = run.position("eu");
    await run.pass(5_000);
    expect(run.position("ap")).toBe(at);
    expect(run.position("eu")).toBeGreaterThan(before);
  });

  it.each(["first-entry", "opening"] as const)(
    "is opened by the same order where making it anew was cut off before its %s",
    async (end) => {
      const run = new FailingLog(firstSeed);
      await run.start();
      await run.pass(3_000);
      await run.standStill();
      run.fail("deleted");
      await run.until(() => run.stopReasons().every((text) => text !== ""), "all regions have stopped");
      const at = run.position("eu");
      run.cluster.servers.rebuildEndsBefore = end;
      await expect(run.rebuild()).rejects.toThrow(
        /whether the log of partition 0 is there again is not known/,
      );
      const cutOffAt = run.cluster.servers.madeAtMs(0);
      // Long enough for regions to fold the first entry, and for relays to try.
      await run.pass(30_000);
      const planned = await run.rebuild({ isDryRun: true });
      expect(planned.plan).toMatchObject({ resumedAfter: at, refusal: undefined, lostPositions: 0 });
      const opened = await run.rebuild();
      expect(opened.made).toMatchObject({ createdAtMs: cutOffAt, position: at + 1 });
      expect(opened.plan.regions.map(({ fate }) => fate)).toEqual(["goes-on", "goes-on", "goes-on"]);
      await run.finish();
    },
  );

  it("does not fold what has grown over a tail that it has not seen being lost", async () => {
    const run = new FailingLog(firstSeed);
    await run.start();
    await run.pass(3_000);
    const position = await run.standStill();
    run.cluster.servers.cutOff.add("eu").add("us");
    run.fail("lost-tail");
    // Only ap sees a log that ends early; it stops, and yet its ticks make the log grow beyond what all have folded.
    const isGrown = () => run.cluster.servers.messages(0).length > position + 5;
    await run.until(isGrown, "the log has grown again");
    run.cluster.servers.cutOff.clear();
    const isStopped = () => run.stopReasons().every((text) => /lost its tail/.test(text));
    await run.until(isStopped, "all regions have stopped");
    for (const name of ["eu", "us", "ap"]) expect(run.position(name)).toBe(position);
    await run.rebuild();
    await run.pass(5_000);
    await run.finish();
  });
});
