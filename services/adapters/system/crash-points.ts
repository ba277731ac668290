/** Crash points that an operator of tests arms from outside: "after-publish:5" dies the fifth time it gets there. */
import { CRASH_POINTS, type CrashPoint, type CrashPoints } from "../../ports/crash-points.ts";

export class InvalidCrashPointError extends Error {
  override readonly name = "InvalidCrashPointError";
}

const inert: CrashPoints = { reach: () => undefined };

/**
 * @param value a point's name, or name and count separated by a colon; nothing is armed without it.
 * @returns crash points of which the armed one ends the process with SIGKILL, as a power loss would.
 * @throws {InvalidCrashPointError} lists the names there are.
 */
export function environmentCrashPoints(value: string | undefined): CrashPoints {
  if (value === undefined || value === "") return inert;
  const { point: armed, count } = parse(value);
  let reached = 0;
  return {
    reach(point) {
      if (point !== armed) return;
      reached += 1;
      if (reached === count) process.kill(process.pid, "SIGKILL");
    },
  };
}

function parse(value: string): { point: CrashPoint; count: number } {
  const [name, count, ...rest] = value.split(":");
  const point = CRASH_POINTS.find((known) => known === name);
  if (point === undefined) {
    throw new InvalidCrashPointError(
      `there is no crash point ${JSON.stringify(name)}; there are ${CRASH_POINTS.join(", ")}`,
    );
  }
  if (rest.length > 0 || (count !== undefined && !/^[1-9]\d{0,8}$/.test(count))) {
    throw new InvalidCrashPointError(
      `crash point ${JSON.stringify(value)}: after the name may come a colon and a count of at least 1`,
    );
  }
  return { point, count: count === undefined ? 1 : Number(count) };
}
