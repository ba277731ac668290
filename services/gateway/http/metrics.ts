/** What the HTTP transport reports of itself. */

export interface AnsweredRequest {
  /** The route's pattern, such as `/v1/collections/:collection`; `unknown` for anything else. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface HttpMetrics {
  answered(request: AnsweredRequest): void;
}
