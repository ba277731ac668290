/** Named places where a process may die. Tests kill it at each; in production reaching one does nothing. */

export const CRASH_POINTS = [
  "before-wal-commit",
  "after-wal-commit",
  "before-publish",
  "after-publish",
  "before-fold-commit",
  "after-fold-commit",
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

export interface CrashPoints {
  reach(point: CrashPoint): void;
}
