/** The page's connection as a step function: what is kept, what is dropped, and when it tries again. */
import { expect, it } from "vitest";
import {
  initialFeed,
  retryDelayMs,
  stepFeed,
  viewAgeMs,
  wallTimeMs,
} from "../../../services/console/page/model/feed.ts";
import { SimulatedCluster } from "../../integration/console/simulated-cluster.ts";

const START_MS = 1_760_000_000_000;
const view = new SimulatedCluster({ nowMs: () => START_MS }).view();

it("keeps what it has seen while it is lost, and says how old it is", () => {
  let state = stepFeed(initialFeed(100), { type: "view", view }, 200);
  expect(state).toMatchObject({ connection: "live", attempts: 0, sinceMs: 200 });
  state = stepFeed(state, { type: "closed", chance: 1 }, 1_200);
  expect(state).toMatchObject({ connection: "waiting", attempts: 1, retryAtMs: 1_700, view });
  expect(viewAgeMs(state, 4_200)).toBe(4_000);
  expect(wallTimeMs(state, 4_200)).toBe(START_MS + 4_000);
});

it("is lost since it was lost, however often it tries", () => {
  let state = stepFeed(initialFeed(0), { type: "view", view }, 0);
  for (const nowMs of [1_000, 2_000, 4_000]) {
    state = stepFeed(state, { type: "closed", chance: 0.5 }, nowMs);
    state = stepFeed(state, { type: "retry" }, nowMs + 500);
  }
  expect(state).toMatchObject({ connection: "connecting", sinceMs: 1_000, attempts: 3 });
  expect(stepFeed(state, { type: "view", view }, 9_000)).toMatchObject({
    connection: "live",
    sinceMs: 9_000,
    attempts: 0,
  });
});

it("waits twice as long each time, up to ten seconds, and never less than half of it", () => {
  expect([1, 2, 3, 4, 5, 6, 60].map((attempts) => retryDelayMs(attempts, 1))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
  ]);
  expect(retryDelayMs(3, 0)).toBe(1_000);
});

it("makes no rates across two processes", () => {
  let state = stepFeed(initialFeed(0), { type: "view", view }, 0);
  state = stepFeed(state, { type: "view", view }, 1_000);
  expect(state.samples).toHaveLength(2);
  const other = { ...view, viewer: { ...view.viewer, process: "another" } };
  expect(stepFeed(state, { type: "view", view: other }, 2_000).samples).toHaveLength(1);
});

it("remembers a bounded number of samples", () => {
  let state = initialFeed(0);
  for (let round = 0; round < 50; round += 1) state = stepFeed(state, { type: "view", view }, round);
  expect(state.samples).toHaveLength(16);
});
