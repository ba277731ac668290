/** Several releases in one region: a process tells what it reads, and does not start on a state that it can't read. */
import type { Clock } from "../ports/clock.ts";
import type { EntryVersions, ToldProcess } from "../ports/entry-versions.ts";
import { ENTRY_VERSION } from "../protocol/entry-codec.ts";
import { describeError } from "../runtime/describe-error.ts";
import type { Logger } from "../runtime/logger.ts";

/** Who is silent for ten seconds counts as gone. */
const TELL_EVERY_MS = 2_500;

export class NewerStateError extends Error {
  override readonly name = "NewerStateError";
}

/** @throws {NewerStateError} newer software has folded here what this one can't read. */
export async function checkReadsState(
  store: Pick<EntryVersions, "neededVersions">,
  software: string,
): Promise<void> {
  const needed = await store.neededVersions();
  const first = needed.find(({ version }) => version > ENTRY_VERSION);
  if (first === undefined) return;
  throw new NewerStateError(
    `partition ${first.partition} holds what entries of version ${first.version} have made, and ${software} reads up to ` +
      `${ENTRY_VERSION}: start ${first.software ?? "newer software"} or later here; going back takes a backup of before`,
  );
}

export interface TellOptions {
  readonly process: ToldProcess;
  readonly store: Pick<EntryVersions, "tellProcess" | "forgetProcess">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** After it was told for the first time. Resolves once `stop` is aborted and the process is forgotten. */
export async function keepTelling(options: TellOptions, stop: AbortSignal): Promise<void> {
  const { process, store, clock } = options;
  while (!stop.aborted) {
    await clock.sleep(TELL_EVERY_MS, stop);
    if (!stop.aborted) await attempt(options, () => store.tellProcess(process));
  }
  await attempt(options, () => store.forgetProcess(process.id));
}

/** While the database is away nobody can take a role either. */
async function attempt({ logger }: TellOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    logger.debug({ error: describeError(error) }, "the region's processes were not told of this one");
  }
}
