/** How many publishes the relay has on their way: by how long they take, here and in the slowest region. */
import { describe, expect, it } from "vitest";
import { BATCH_ROWS_MAX, RETRIES_MAX, stepRelay } from "../../../services/relay/step.ts";
import {
  DELAY_MS_MAX,
  QUEUE_MS_MAX,
  REGION_DELAY_MS_MAX,
  WINDOW_MAX,
  WINDOW_MIN,
} from "../../../services/relay/window.ts";
import { RelayModel } from "./model.ts";

describe("the relay's window", () => {
  /** Reads and publishes one row each until the window is full. */
  const fill = (model: RelayModel): void => {
    const left = model.rows.length - model.state.cursor.sequence;
    model.append(Math.max(0, 2 * WINDOW_MAX - left));
    model.dispatch({ type: "wake" });
    while (model.reads.length > 0) model.answerRead(1);
  };
  const settleAll = (model: RelayModel): void => {
    while (model.publishes.length > 0) model.settle(0, "acknowledged");
  };
  const foldAll = (model: RelayModel): void => {
    model.fold(1_000);
    model.lookAtFold();
    model.hear();
  };

  it("keeps its window until its own fold has passed what is in it, and reads on then", () => {
    const model = new RelayModel();
    fill(model);
    const { length } = model.publishes;
    expect(length).toBe(Math.ceil(model.state.window.size));
    settleAll(model);
    model.dispatch({ type: "wake" });
    expect(model.reads).toEqual([]);
    model.fold(2);
    model.lookAtFold();
    model.hear();
    expect(model.state.unfolded).toHaveLength(length - 2);
    expect(model.reads).toEqual([length]);
  });

  const foldWindow = (model: RelayModel): void => {
    fill(model);
    settleAll(model);
    foldAll(model);
  };

  it("doubles its window while a full one is folded in time, up to a bound", () => {
    const model = new RelayModel();
    const { size } = model.state.window;
    foldWindow(model);
    expect(model.state.window.size).toBe(2 * size);
    for (let round = 0; round < WINDOW_MAX; round += 1) foldWindow(model);
    expect(model.state.window.size).toBe(WINDOW_MAX);
  });

  it("begins small after a doubt, doubles up to where it was, and goes on slowly", () => {
    const model = new RelayModel();
    for (let round = 0; round < 3; round += 1) foldWindow(model);
    const { size } = model.state.window;
    fill(model);
    while (model.publishes.length > 0) model.settle(0, "lost");
    model.resume();
    expect(model.state.window.size).toBe(WINDOW_MIN);
    while (model.reads.length > 0) model.answerRead(1);
    foldWindow(model);
    expect(model.state.window.size).toBe(2 * WINDOW_MIN);
    for (let round = 0; round < 4; round += 1) foldWindow(model);
    const slow = model.state.window.size;
    expect(slow).toBeGreaterThan(size / 2);
    foldWindow(model);
    expect(model.state.window.size).toBeLessThanOrEqual(slow + 1.1);
  });

  it("reads few rows for a batch while its window is small", () => {
    const model = new RelayModel();
    const rowsOf = ({ state }: RelayModel): number[] =>
      stepRelay({ ...state, isReading: false }, { type: "wake" }).effects.map((effect) =>
        effect.type === "read" ? effect.rowsMax : 0,
      );
    const [first] = rowsOf(model);
    for (let round = 0; round < 3; round += 1) foldWindow(model);
    expect(rowsOf(model)).toEqual([BATCH_ROWS_MAX]);
    fill(model);
    while (model.publishes.length > 0) model.settle(0, "lost");
    model.resume();
    expect(rowsOf(model)[0]).toBeLessThan(first!);
  });

  it("takes an entry for late that was long in a queue, whatever the way takes", () => {
    const model = new RelayModel();
    const foldAfter = (ms: number): void => {
      fill(model);
      settleAll(model);
      model.nowMs += ms;
      foldAll(model);
    };
    foldAfter(300);
    const { size } = model.state.window;
    foldAfter(300 + QUEUE_MS_MAX - 10);
    expect(model.state.window.size).toBeGreaterThan(size);
    const wide = model.state.window.size;
    foldAfter(300 + QUEUE_MS_MAX + 10);
    expect(model.state.window.size).toBeLessThan(wide);
  });

  it("narrows its window once for all that was late together, and never below a bound", () => {
    const model = new RelayModel();
    fill(model);
    const { size } = model.state.window;
    settleAll(model);
    model.nowMs += DELAY_MS_MAX + 1;
    foldAll(model);
    const narrowed = model.state.window.size;
    expect(narrowed).toBeLessThan(size);
    expect(narrowed).toBeGreaterThan(size / 2);
    for (let round = 0; round < 20; round += 1) {
      while (model.reads.length > 0) model.answerRead(1);
      settleAll(model);
      model.nowMs += DELAY_MS_MAX + 1;
      foldAll(model);
    }
    expect(model.state.window.size).toBe(WINDOW_MIN);
  });

  it("narrows its window while the slowest region is too far behind", () => {
    const model = new RelayModel();
    model.regionsBehind = 3;
    const { size } = model.state.window;
    const go = (): void => {
      model.append(1);
      model.calmRound();
    };
    for (let round = 0; round < 5; round += 1) {
      go();
      model.nowMs += 200;
    }
    expect(model.state.travelling).not.toEqual([]);
    expect(model.state.window.size).toBe(size);
    // A second more would be too late for those that are not folded there.
    model.nowMs += REGION_DELAY_MS_MAX;
    go();
    expect(model.state.window.size).toBeLessThan(size);
    const narrowed = model.state.window.size;
    go();
    // Once for all that were on their way together.
    expect(model.state.window.size).toBe(narrowed);
    model.regionsBehind = 0;
    go();
    expect(model.state.travelling).toEqual([]);
  });

  it("narrows it further with each second that the region stays behind, and does not widen it meanwhile", () => {
    const model = new RelayModel();
    model.regionsBehind = 1_000;
    const sizes: number[] = [];
    for (let second = 0; second < 12; second += 1) {
      for (let round = 0; round < 5; round += 1) {
        fill(model);
        settleAll(model);
        model.nowMs += 200;
        foldAll(model);
      }
      sizes.push(model.state.window.size);
    }
    expect(sizes.slice(3)).toEqual(sizes.slice(3).toSorted((one, other) => other - one));
    expect(sizes.at(-1)).toBe(WINDOW_MIN);
    // All were folded here in time: it widens again as soon as nobody is late.
    model.regionsBehind = 0;
    for (let round = 0; round < 5; round += 1) {
      fill(model);
      settleAll(model);
      foldAll(model);
    }
    expect(model.state.window.size).toBeGreaterThan(WINDOW_MIN);
  });

  it("does not widen a window that it does not fill", () => {
    const model = new RelayModel();
    const { size } = model.state.window;
    for (let round = 0; round < 50; round += 1) {
      model.append(1);
      model.calmRound();
    }
    expect(model.state.window.size).toBe(size);
  });

  it("narrows its window with each doubt, and spends what it has earned for short pauses", () => {
    const model = new RelayModel();
    model.append(1);
    const spent: boolean[] = [];
    const lose = (): void => {
      model.dispatch({ type: "wake" });
      while (model.reads.length > 0) model.answerRead(10);
      const publishing = model.state;
      spent.push(
        stepRelay(publishing, { type: "failed", last: model.publishes[0]!.last }).effects.some(
          (effect) => effect.type === "pause" && effect.isSpent,
        ),
      );
      model.settle(0, "lost");
      model.resume();
    };
    for (let time = 0; time < RETRIES_MAX + 2; time += 1) lose();
    expect(spent).toEqual([...Array<boolean>(RETRIES_MAX).fill(false), true, true]);
    expect(model.state.window.size).toBe(WINDOW_MIN);
    for (let round = 0; round < 10; round += 1) {
      model.append(1);
      model.calmRound();
    }
    model.append(1);
    lose();
    expect(spent.at(-1)).toBe(false);
  });
});
