import { describe, expect, it } from "vitest";
import { planVersion } from "../../../../services/core/accept/condition.ts";
import { foldEntries } from "../../../../services/core/fold/fold.ts";
import { initialPartitionState } from "../../../../services/core/fold/state.ts";
import { TestLog } from "./test-log.ts";
import { change, erase, set } from "./writes.ts";

describe("the version of a record that one entry writes several times", () => {
  it("is told to the last alone; what the others are told is no record's", () => {
    const log = new TestLog();
    const { outcomes } = log.proposeAll([
      log.proposal(set("one", { note: "first" })),
      log.proposal([set("two", { note: "x" }), change("one", { inc: { credit: 1 } })]),
      log.proposal(change("one", {}, { version: "*" })),
      log.proposal(set("one", { note: "last" })),
    ]);
    const position = log.record("one")!.version;
    expect(outcomes.map(({ results }) => results)).toEqual([
      [{ version: `${position}.1` }],
      [null, { fields: { credit: 1 }, version: `${position}.2` }],
      undefined,
      undefined,
    ]);
    expect(() => planVersion(`${position}.1`)).toThrow(/overwritten/);
  });

  it("is told as it is where every write is to a record of its own, or was rejected", () => {
    const log = new TestLog();
    const { outcomes } = log.proposeAll([
      log.proposal(set("one", { note: "first" })),
      log.proposal(set("two", { note: "x" })),
      log.proposal(set("one", { credit: 99 })),
    ]);
    expect(outcomes.map(({ results }) => results)).toEqual([undefined, undefined, undefined]);
  });

  it("is told alike however the entries are grouped, and whatever is sent twice", () => {
    const log = new TestLog();
    const first = log.proposal(set("one", { note: "first" }));
    log.proposeAll([first, first]);
    expect(log.store.outcomes.at(-1)!.results).toBeUndefined();
    const outcome = log.store.outcomes.at(-1);
    log.proposeAll([first, log.proposal(set("one", { note: "second" }))]);
    expect(log.store.outcomes.at(-2)).toEqual(outcome);
    const { entries } = log;
    const whole = foldEntries({
      state: initialPartitionState(0),
      slice: { records: new Map(), operations: new Map() },
      entries,
    });
    expect(whole.outcomes).toEqual(log.store.outcomes);
  });

  it("is told for a delete as for every other change", () => {
    const log = new TestLog();
    log.propose(set("one", { note: "first" }));
    const { outcomes } = log.proposeAll([
      log.proposal(set("one", { note: "n" })),
      log.proposal(erase("one")),
    ]);
    expect(outcomes[0]!.results).toEqual([{ version: `${log.position}.1` }]);
    expect(outcomes[1]!.results).toBeUndefined();
  });
});
