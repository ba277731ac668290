import { expect, it } from "vitest";
import { Intake } from "../../../../services/adapters/jetstream/intake.ts";
import type { LogMessage } from "../../../../services/ports/global-log.ts";

const message = (position: number, bytes = 1): LogMessage => ({
  position,
  storedAtMs: position,
  data: new Uint8Array(bytes),
});
const ALL = { messagesMax: 100, bytesMax: 100 };

it("hands out once, in order, what came in order", () => {
  const intake = new Intake(5);
  expect([5, 6].map((position) => intake.offer(message(position)))).toEqual(["taken", "taken"]);
  expect(intake.take(ALL).map(({ position }) => position)).toEqual([5, 6]);
  expect(intake.take(ALL)).toEqual([]);
  expect(intake.expected).toBe(7);
});

it("drops and counts what the server delivers again from the start", () => {
  const intake = new Intake(5);
  for (const position of [5, 6, 5, 6]) intake.offer(message(position));
  expect(intake.duplicatesDropped).toBe(2);
  expect(intake.offer(message(7))).toBe("taken");
  expect(intake.take(ALL).map(({ position }) => position)).toEqual([5, 6, 7]);
});

it("takes nothing behind a gap", () => {
  const intake = new Intake(5);
  expect(intake.offer(message(6))).toBe("gap");
  expect(intake.expected).toBe(5);
  expect(intake.messagesHeld).toBe(0);
});

it("keeps to the limits, but gives at least one message", () => {
  const intake = new Intake(1);
  for (let position = 1; position <= 4; position += 1) intake.offer(message(position, 10));
  expect(intake.bytesHeld).toBe(40);
  expect(intake.take({ messagesMax: 100, bytesMax: 5 })).toHaveLength(1);
  expect(intake.take({ messagesMax: 100, bytesMax: 20 })).toHaveLength(2);
  expect(intake.take({ messagesMax: 1, bytesMax: 100 })).toHaveLength(1);
  expect(intake.bytesHeld).toBe(0);
});
