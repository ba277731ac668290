/** Several releases in a simulated region: a process tells what it reads, and does not start on a state that it can't read. */
import { checkReadsState, keepTelling, NewerStateError } from "../../services/region/releases.ts";
import type { Clock } from "../../services/ports/clock.ts";
import type { EntryVersions } from "../../services/ports/entry-versions.ts";
import { StoreUnavailableError } from "../../services/ports/region-store.ts";
import type { Logger } from "../../services/runtime/logger.ts";
import type { Process } from "./world.ts";

/** Where a process of a region runs: whatever takes its place there is of the release that is installed by then. */
export interface Slot {
  /** The highest version of entries that the release reads. */
  reads: number;
}

const RETRY_MS = 100;

/** As a region process does before anything else. @returns whether it may start. */
export async function admit(asking: {
  readonly process: Process;
  readonly software: string;
  readonly reads: number;
  readonly store: EntryVersions;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<boolean> {
  const { process, software, reads, store } = asking;
  const told = { id: process.name, software, reads, mayFold: true };
  for (;;) {
    try {
      await checkReadsState(store, software);
      await store.tellProcess(told);
      void keepTelling({ ...asking, process: told }, new AbortController().signal);
      return true;
    } catch (error) {
      if (error instanceof NewerStateError) return false;
      if (!(error instanceof StoreUnavailableError)) throw error;
      await process.pass(RETRY_MS);
    }
  }
}
