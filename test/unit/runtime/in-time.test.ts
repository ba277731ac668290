/** What is waited for, and for how long. */
import { describe, expect, it } from "vitest";
import { inTime } from "../../../services/runtime/in-time.ts";
import { Process, SimulatedClock, World } from "../../simulation/world.ts";

const LIMIT_MS = 100;

function bed() {
  const world = new World(1);
  const clock = new SimulatedClock(new Process(world, "test"));
  const after = <T>(delayMs: number, end: () => T) => clock.sleep(delayMs).then(end);
  return { world, limit: { clock, timeoutMs: LIMIT_MS }, after };
}

const fail = (message: string) => (): never => {
  throw new Error(message);
};

describe("what has a limit of time", () => {
  it("ends as the work does, and nothing is left of the limit", async () => {
    const { world, limit, after } = bed();
    const answers: unknown[] = [];
    const note = (answer: unknown) => answers.push(answer);
    const late = () => answers.push("late");
    void inTime(
      after(10, () => "done"),
      { ...limit, late },
    ).then(note);
    inTime(after(20, fail("broken")), { ...limit, late }).catch((error: Error) => note(error.message));
    await world.run(10 * LIMIT_MS);
    expect(answers).toEqual(["done", "broken"]);
  });

  it("ends with what there is in its place, or with what that throws, and hears no more of the work", async () => {
    const { world, limit, after } = bed();
    const answers: unknown[] = [];
    const note = (answer: unknown) => answers.push(answer);
    void inTime(
      after(200, () => "done"),
      { ...limit, late: () => "late" },
    ).then(note);
    inTime(after(300, fail("broken")), { ...limit, late: fail("too late") }).catch((error: Error) =>
      note(error.message),
    );
    await world.run(LIMIT_MS);
    expect(answers).toEqual(["late", "too late"]);
    await world.run(10 * LIMIT_MS);
    expect(answers).toEqual(["late", "too late"]);
  });
});
