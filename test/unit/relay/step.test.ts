import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../../services/core/assert.ts";
import { ZERO_HASH } from "../../../services/core/hash.ts";
import { startRelay, stepRelay, type RelayState } from "../../../services/relay/step.ts";
import { checkProperty } from "../property.ts";
import { RelayModel, walRow } from "./model.ts";

const ROUNDS_MAX = 40;

type Action = (model: RelayModel, number: number) => void;

const ACTIONS: readonly Action[] = [
  (model, number) => model.append(1 + (number % 4)),
  (model) => model.dispatch({ type: "wake" }),
  (model, number) => model.answerRead(1 + (number % 5)),
  (model, number) => model.answerRead(1 + (number % 5)),
  (model, number) => model.settle(number, "acknowledged"),
  (model, number) => model.settle(number, "acknowledged"),
  (model, number) => model.settle(number, "acknowledged twice"),
  (model, number) => model.settle(number, "answer lost"),
  (model, number) => model.settle(number, "lost"),
  (model, number) => model.settle(number, "late"),
  (model, number) => {
    const [batch] = model.late.splice(number % Math.max(1, model.late.length), 1);
    if (batch !== undefined) model.land(batch);
  },
  (model, number) => {
    if (model.rows.length > 0) model.landOfPredecessor(1 + (number % model.rows.length), 1 + (number % 7));
  },
  (model, number) => model.fold(1 + (number % 4)),
  (model) => model.fold(1_000),
  (model) => model.lookAtFold(),
  (model) => model.hear(),
  (model) => {
    model.lookAtFold();
    while (model.looks.length > 0) model.hear();
  },
  (model) => model.resume(),
  (model, number) => {
    model.nowMs += number;
  },
  (model, number) => {
    model.regionsBehind = number % 20;
  },
];

const actions = fc.array(fc.tuple(fc.nat({ max: ACTIONS.length - 1 }), fc.nat({ max: 1_000 })), {
  size: "large",
  maxLength: 300,
});

function checkEverythingFolded(model: RelayModel): void {
  let rounds = 0;
  while (model.watermark < model.rows.length || model.state.inFlight.length > 0) {
    rounds += 1;
    expect(rounds).toBeLessThan(ROUNDS_MAX);
    model.calmRound();
  }
  expect(model.outcomes).toEqual(model.rows.map((row) => row.id));
  expect(model.counts.operations).toBe(model.rows.length);
  expect(model.counts.brokenChains).toBe(0);
}

describe("relay against an adversary", () => {
  it("gets every row folded exactly once, whatever happened to publishes, reads and looks at the fold", () => {
    checkProperty(
      fc.property(actions, (steps) => {
        const model = new RelayModel();
        for (const [action, number] of steps) ACTIONS[action]!(model, number);
        checkEverythingFolded(model);
      }),
      { runs: 500 },
    );
  });

  it("does so too when late publishes land in the calm", () => {
    checkProperty(
      fc.property(actions, (steps) => {
        const model = new RelayModel();
        for (const [action, number] of steps) ACTIONS[action]!(model, number);
        for (let round = 0; round < ROUNDS_MAX && model.late.length > 0; round += 1) {
          model.land(model.late.pop()!);
          model.calmRound();
        }
        checkEverythingFolded(model);
      }),
    );
  });

  it("meets gaps, doubles, overlaps, doubts and full windows on its way, so that the above says something", () => {
    const seen = { gaps: 0, overlapping: 0, staleEpochs: 0, doubts: 0, stale: 0 };
    checkProperty(
      fc.property(actions, (steps) => {
        const model = new RelayModel();
        for (const [action, number] of steps) {
          ACTIONS[action]!(model, number);
          if (model.state.phase === "doubt") seen.doubts += 1;
          if (model.reads[0] !== undefined && model.reads[0] !== model.state.cursor.sequence) seen.stale += 1;
        }
        for (const name of ["gaps", "overlapping", "staleEpochs"] as const) seen[name] += model.counts[name];
      }),
      { runs: 500 },
    );
    for (const [name, count] of Object.entries(seen)) expect(`${name} ${count > 0}`).toBe(`${name} true`);
  });

  it("the model notices a relay that goes on from what it believes it sent", () => {
    const model = new RelayModel();
    model.append(2);
    model.dispatch({ type: "wake" });
    model.answerRead(1);
    model.answerRead(1);
    const [first, second] = model.publishes;
    expect([first!.first, second!.first]).toEqual([1, 2]);
    const skipping: RelayState = { ...model.state, cursor: { sequence: 2, chain: ZERO_HASH } };
    expect(() => {
      model.state = skipping;
      model.dispatch({ type: "wake" });
    }).toThrow(/expected/);
  });
});

describe("relay", () => {
  const start = (): RelayState =>
    startRelay({ epoch: 3, folded: { position: 1, sequence: 0, chain: ZERO_HASH } });
  const rows = (first: number, count: number) =>
    Array.from({ length: count }, (_, index) => walRow(first + index));

  it("reads once at a time, however often it is woken", () => {
    const { state, effects } = stepRelay(start(), { type: "wake" });
    expect(effects).toEqual([{ type: "read", after: 0, rowsMax: 512 }]);
    expect(stepRelay(state, { type: "wake" }).effects).toEqual([]);
    const after = stepRelay(state, { type: "read", after: 0, rows: [], isFull: false, nowMs: 0 });
    expect(after.effects).toEqual([]);
    expect(stepRelay(after.state, { type: "wake" }).effects).toHaveLength(1);
  });

  it("goes on reading at once when the read was full, and waits for more when it was not", () => {
    const reading = stepRelay(start(), { type: "wake" }).state;
    const full = stepRelay(reading, { type: "read", after: 0, rows: rows(1, 3), isFull: true, nowMs: 0 });
    expect(full.effects.map(({ type }) => type)).toEqual(["publish", "read"]);
    expect(full.effects[1]).toEqual({ type: "read", after: 3, rowsMax: 512 });
    const partly = stepRelay(reading, { type: "read", after: 0, rows: rows(1, 3), isFull: false, nowMs: 0 });
    expect(partly.effects.map(({ type }) => type)).toEqual(["publish"]);
  });

  it("stops at a hole in the WAL: that is a bug, not a fault", () => {
    const reading = stepRelay(start(), { type: "wake" }).state;
    const read = (given: ReturnType<typeof rows>) => () =>
      stepRelay(reading, { type: "read", after: 0, rows: given, isFull: false, nowMs: 0 });
    expect(read(rows(2, 1))).toThrow(AssertionError);
    expect(read([walRow(1), walRow(3)])).toThrow(AssertionError);
  });

  it("waits in doubt until every publish is settled, then pauses, then goes on from the folded watermark", () => {
    const model = new RelayModel();
    model.append(6);
    model.dispatch({ type: "wake" });
    for (let batch = 0; batch < 3; batch += 1) model.answerRead(2);
    model.settle(0, "acknowledged");
    model.fold(1);
    model.lookAtFold();
    model.hear();
    model.settle(0, "lost");
    expect(model.state.phase).toBe("doubt");
    expect(model.pauses).toBe(0);
    model.dispatch({ type: "wake" });
    model.settle(0, "acknowledged");
    expect(model.pauses).toBe(1);
    model.resume();
    expect(model.state.phase).toBe("streaming");
    expect(model.state.cursor.sequence).toBe(2);
  });

  it("doubts when the fold has passed its entry without taking it", () => {
    const model = new RelayModel();
    model.append(4);
    model.dispatch({ type: "wake" });
    model.answerRead(2);
    model.dispatch({ type: "wake" });
    model.answerRead(2);
    // The second overtakes the first, which makes it a gap.
    model.settle(1, "acknowledged");
    model.fold(1);
    model.lookAtFold();
    model.hear();
    expect(model.counts.gaps).toBe(1);
    expect(model.state.phase).toBe("doubt");
    checkEverythingFolded(model);
  });

  it("backs off longer with every doubt in a row, and starts anew after an acknowledgement", () => {
    const model = new RelayModel();
    model.append(1);
    const attempts: number[] = [];
    const lose = (end: "lost" | "acknowledged"): void => {
      model.dispatch({ type: "wake" });
      while (model.reads.length > 0) model.answerRead(10);
      const before = model.state.failures;
      model.settle(0, end);
      if (model.state.failures > before) attempts.push(model.state.failures);
      model.resume();
    };
    for (let time = 0; time < 3; time += 1) lose("lost");
    lose("acknowledged");
    model.append(1);
    lose("lost");
    expect(attempts).toEqual([1, 2, 3, 1]);
  });

  it("follows the fold ahead when that has passed what it had sent, and drops rows that it read before", () => {
    const model = new RelayModel();
    model.append(5);
    model.dispatch({ type: "wake" });
    model.landOfPredecessor(1, 3);
    model.fold(1);
    model.lookAtFold();
    model.hear();
    expect(model.state.cursor.sequence).toBe(3);
    model.answerRead(2);
    expect(model.publishes).toEqual([]);
    expect(model.reads).toEqual([3]);
    model.answerRead(10);
    expect(model.publishes.map(({ first, last }) => [first, last])).toEqual([[4, 5]]);
  });

  it("does not change the state that it was given", () => {
    const before = start();
    const copy = structuredClone(before);
    const reading = stepRelay(before, { type: "wake" }).state;
    stepRelay(reading, { type: "read", after: 0, rows: rows(1, 2), isFull: false, nowMs: 0 });
    stepRelay(before, { type: "failed", last: 1 });
    expect(before).toEqual(copy);
  });
});
