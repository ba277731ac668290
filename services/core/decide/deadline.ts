/** Deadlines are in log time, which every region reads alike: whether one has passed is decided with the position. */

/** The instant of the deadline still counts. */
export function isPastDeadline(logTimeMs: number, { deadlineMs }: { readonly deadlineMs: number }): boolean {
  return logTimeMs > deadlineMs;
}
