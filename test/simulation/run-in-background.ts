/** Lets virtual time run by itself, for tests that only await promises and know nothing of a world. */
import type { World } from "./world.ts";

/**
 * Runs one event after the other, with a turn of the event loop in between, until stopped.
 * Virtual time stands still while nothing is due; a wait of any length is over as soon as nothing else comes before it.
 */
export function runInBackground(world: World): { stop(): Promise<void> } {
  const over = new AbortController();
  const running = (async () => {
    while (!over.signal.aborted) {
      const next = world.nextAtMs;
      if (next === undefined) await turn();
      else await world.run(next);
    }
  })();
  return {
    async stop() {
      over.abort();
      await running;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
