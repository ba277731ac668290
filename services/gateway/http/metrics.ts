/** What the HTTP transport reports of itself. */
import type { AskedKind, RequestOutcome } from "./outcome.ts";

export interface AnsweredRequest {
  /** The route's pattern, such as `/v1/collections/:collection`; `unknown` for anything else. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  /** Of a request on records; absent for operators' and probes'. */
  readonly kind?: AskedKind | undefined;
  readonly outcome?: RequestOutcome;
}

export interface HttpMetrics {
  answered(request: AnsweredRequest): void;
}
