/** Forgetting operation ids: no further than every write still to come has seen, whatever is asked for. */
import type { ForgetEntry } from "../entry.ts";
import { positionSeenByAll } from "./state.ts";
import type { FoldWork } from "./work.ts";

/**
 * A region that had folded an operation when it took a write would have found its id. So what is in WALs, or on its way,
 * can't be a retry of what every write still to come has seen.
 */
export function foldForget(work: FoldWork, entry: ForgetEntry): void {
  const { state } = work;
  const position = Math.min(entry.position, positionSeenByAll(state, entry.without), state.position - 1);
  if (position <= state.forgotten.position) return;
  const logTimeMs = Math.max(state.forgotten.logTimeMs, entry.logTimeMs);
  work.state = { ...state, forgotten: { position, logTimeMs } };
}
