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
  /** Of an import that was answered line by line: how many have ended how. */
  readonly lines?: ReadonlyMap<RequestOutcome, number> | undefined;
}

export interface HttpMetrics {
  answered(request: AnsweredRequest): void;
}

/** By who decides: how often something has ended how. Nothing for requests that are not on records. */
export function endingsOf({ kind, outcome, lines }: AnsweredRequest): readonly {
  readonly kind: AskedKind;
  readonly outcome: RequestOutcome;
  readonly count: number;
}[] {
  if (kind === undefined || outcome === undefined) return [];
  return Array.from(lines ?? [[outcome, 1] as const], ([ended, count]) => ({ kind, outcome: ended, count }));
}
