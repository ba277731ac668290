/** Values that people know, by the name of the member or parameter: examples are made of them. */

export interface Hint {
  readonly value: unknown;
  /** Shown also where the member may be missing. */
  readonly isWorthShowing?: true;
}

const OPERATION = "7f1c2a90-3f61-8d3c-9a52-0c1c6f3b1a55";
const TIME_MS = 1_767_225_600_000;

export const HINTS: { readonly [name: string]: Hint | undefined } = {
  collection: { value: "users" },
  key: { value: "ada" },
  name: { value: "users" },
  operation: { value: OPERATION },
  session: { value: "eyJwIjp7IjAiOjQ3fX0.c2lnbmF0dXJl" },
  region: { value: "eu" },
  leader: { value: "eu", isWorthShowing: true },
  loser: { value: "eu" },
  origin: { value: "eu" },
  field: { value: "displayName" },
  fields: { value: { displayName: "Ada", likes: 3, tags: ["admin"] } },
  version: { value: "47" },
  at: { value: "019b76da8000001f" },
  sequence: { value: 47, isWorthShowing: true },
  partition: { value: 0 },
  pending: { value: 0 },
  cluster: { value: "local" },
  software: { value: "0.1.0" },
  actor: { value: "ada@laptop" },
  holder: { value: "worker-1" },
  token: { value: "52" },
  ttl_ms: { value: 30_000 },
  expires_at_ms: { value: TIME_MS },
  log_time_ms: { value: TIME_MS },
  at_ms: { value: TIME_MS },
  since_ms: { value: TIME_MS },
  next_cursor: { value: "v1.YWRh" },
  hash: { value: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
  previous: { value: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752" },
  prefix: { value: "a" },
  limit: { value: 100 },
  consistency: { value: "session" },
  max_staleness_ms: { value: 2_000 },
  conflict: { value: "0-47-1" },
  id: { value: "0-47-1" },
  backup: { value: OPERATION },
  verification: { value: OPERATION },
  reason: { value: "concurrent" },
  detail: { value: "everything is as it should be" },
  level: { value: "debug" },
  status: { value: "accepted" },
  "Idempotency-Key": { value: "order-4711" },
  "Forebay-Session": { value: "eyJwIjp7IjAiOjQ3fX0.c2lnbmF0dXJl" },
  "Forebay-Deadline-Ms": { value: 2_000 },
  "Forebay-Actor": { value: "ada@laptop" },
  "If-Match": { value: '"47"' },
  "If-None-Match": { value: '"47"' },
  Prefer: { value: "wait=committed" },
  traceparent: { value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
};
