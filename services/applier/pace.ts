/** How large the commits of an applier are. */

/** Operations of one commit; an entry is never split, so a commit may exceed it by one entry. */
const COMMIT_OPERATIONS_MAX = 1_024;
const LARGE_OPERATIONS = 256;
/** Growth of a commit after each success, once failures have made it small. */
const PACE_STEP = 16;

/** How many operations go into one commit: fewer after a failure, more again as commits succeed. Survives a run. */
export class Pace {
  operationsMax = COMMIT_OPERATIONS_MAX;

  /** Whether commits of so many operations are to be kept apart where clients need the time: they are most of the work. */
  isLarge(operations: number): boolean {
    return operations >= Math.min(LARGE_OPERATIONS, this.operationsMax);
  }

  slowDown(): void {
    this.operationsMax = Math.max(1, Math.floor(this.operationsMax / 2));
  }

  speedUp(): void {
    this.operationsMax = Math.min(COMMIT_OPERATIONS_MAX, this.operationsMax + PACE_STEP);
  }
}
