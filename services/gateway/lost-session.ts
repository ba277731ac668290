/** Sessions that name what nobody can find any more: of a region that has lost its database, or was removed. */
import { own } from "../core/json.ts";
import { regionsInDoubt, type FoldedTo, type Session } from "../core/session.ts";
import type { StateReader } from "../ports/region-store.ts";
import { GatewayError } from "./errors.ts";

/** @param folded meets what the session needs, by its numbers. @throws {GatewayError} session-lost. */
export function checkRuns(session: Session, partition: number, folded: FoldedTo): void {
  const doubtful = regionsInDoubt(session, partition, folded);
  if (doubtful.length === 0) return;
  throw lost(
    `${doubtful.join(", ")} has a new database since: whether what this session has written there is folded can't be told`,
  );
}

/** Why a session's need was not met in time: nothing of a region that was removed will ever come. @throws {GatewayError} session-lost. */
export async function checkDeparted(
  store: Pick<StateReader, "readPositions">,
  session: Session,
  partition: number,
): Promise<void> {
  const { departed } = await store.readPositions(partition);
  const gone = Object.entries(session.wal)
    .filter(
      ([region, sequences]) => (sequences[partition] ?? 0) > (own(departed, region)?.watermark ?? Infinity),
    )
    .map(([region]) => region);
  if (gone.length > 0)
    throw lost(`${gone.join(", ")} was removed: what this session has written there won't come any more`);
}

function lost(why: string): GatewayError {
  return new GatewayError("session-lost", `${why}; begin a new session, and read what is there`);
}
