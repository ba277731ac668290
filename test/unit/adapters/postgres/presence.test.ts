/** When a database counts as away: silence for a whole timeout, of which a single lost statement is no sign. */
import { beforeEach, expect, it } from "vitest";
import { Presence } from "../../../../services/adapters/postgres/presence.ts";

const LIMIT_MS = 1_000;
let presence: Presence;

beforeEach(() => {
  presence = new Presence(LIMIT_MS);
});

it("a database that nobody has asked is not away", () => {
  expect(presence.isAway).toBe(false);
  expect(presence.unansweredMs(10_000)).toBe(0);
});

it("one statement without an answer for the whole timeout is enough, if nobody got one meanwhile", () => {
  presence.answered(100);
  expect(presence.failed(200, 1_200)).toBe(true);
  expect(presence.isAway).toBe(true);
  expect(presence.unansweredMs(1_500)).toBe(1_300);
});

it("a statement that is lost while others are answered says nothing", () => {
  presence.answered(900);
  expect(presence.failed(200, 1_200)).toBe(false);
  presence.answered(1_300);
  expect(presence.unansweredMs(1_400)).toBe(0);
});

it("the time before anybody asked does not count", () => {
  presence.answered(0);
  expect(presence.failed(60_000, 60_001)).toBe(false);
});

it("connections that are refused count once they have been for the whole timeout", () => {
  for (let nowMs = 0; nowMs < LIMIT_MS; nowMs += 100) expect(presence.failed(nowMs, nowMs)).toBe(false);
  expect(presence.failed(LIMIT_MS, LIMIT_MS)).toBe(true);
});

it("it is told once that the database is away, until an answer has come in between", () => {
  expect(presence.failed(0, LIMIT_MS)).toBe(true);
  expect(presence.failed(0, LIMIT_MS + 1)).toBe(false);
  presence.answered(LIMIT_MS + 2);
  expect(presence.isAway).toBe(false);
  expect(presence.failed(LIMIT_MS + 3, 2 * LIMIT_MS + 3)).toBe(true);
});
