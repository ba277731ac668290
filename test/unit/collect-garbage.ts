/** Garbage collection at will, also in a process that was started without it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const ROUNDS = 3;
const ROUND_MS = 20;

/** Resolves once what nobody holds any more is collected, and registries of it were told. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  for (let round = 0; round < ROUNDS; round += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  }
}
