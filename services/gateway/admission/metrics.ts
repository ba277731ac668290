/** What admission reports of itself. */
import type { RequestClass } from "../../core/admission/door.ts";
import type { RefusalReason } from "../../core/admission/reason.ts";
import type { AppendClass } from "../../core/admission/wal.ts";

export interface AdmissionMetrics {
  /** `connection`: dropped before it could send a request. */
  refused(refusal: {
    reason: RefusalReason | "connections";
    class: RequestClass | AppendClass | "connection";
  }): void;
  sampled(gauges: { limit: number; working: number; waiting: number; eventLoopDelayMs: number }): void;
}
