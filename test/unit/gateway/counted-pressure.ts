/** WAL pressure that never refuses, and counts what was begun and what has ended. */
import { WalPressure } from "../../../services/gateway/admission/wal-pressure.ts";
import { makeParts } from "./admissions.ts";

const NO_LIMITS = { rowsMax: 1e9, bytesMax: 1e12, ageMsMax: 1e12 };

export class CountedPressure extends WalPressure {
  readonly counts = { begun: 0, ended: 0, appended: 0 };

  constructor() {
    const parts = makeParts({ refused: [], sampled: [], nowMs: 0 });
    super({ ...parts, partitions: 1, limits: NO_LIMITS });
  }

  override begin(...append: Parameters<WalPressure["begin"]>): ReturnType<WalPressure["begin"]> {
    this.counts.begun += 1;
    return super.begin(...append);
  }

  override ended(...end: Parameters<WalPressure["ended"]>): void {
    const [, , isAppended] = end;
    this.counts.ended += 1;
    if (isAppended) this.counts.appended += 1;
    super.ended(...end);
  }
}
