/** What tells a process to end is listened to by all that runs in it: Node takes so many for a leak, and warns of it. */
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { makeStop } from "../../../services/region/departure.ts";

const warnings: Error[] = [];
const note = (warning: Error) => void warnings.push(warning);
afterEach(() => void process.off("warning", note));

async function listenOften(signal: AbortSignal): Promise<readonly string[]> {
  process.on("warning", note);
  for (let part = 0; part < 100; part += 1) signal.addEventListener("abort", () => undefined);
  await setImmediate();
  return warnings.map(({ name }) => name);
}

it("does not warn of the many that listen", async () => {
  const { signal } = makeStop();
  expect(await listenOften(signal)).toEqual([]);
});
