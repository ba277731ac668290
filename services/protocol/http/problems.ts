/** Every way in which API version 1 can refuse or fail: the one table of codes, statuses, titles and retry advice. */

/**
 * What a client can do about a problem with the same request:
 *
 *   never       it would be refused again: change it
 *   same        send it again, with the same Idempotency-Key if it had one; with a new one where the log has decided
 *   ask         it may have taken effect: ask for the operation, or send it again with the same Idempotency-Key
 */
export type RetryAdvice = "never" | "same" | "ask";

export interface ProblemDefinition {
  readonly status: number;
  readonly title: string;
  readonly retry: RetryAdvice;
  /** When to come back, where nothing more exact is known. */
  readonly retryAfterSeconds?: number;
  /** The log can have decided so. Then the answer is kept under the Idempotency-Key, and tells what the client has seen. */
  readonly isDecided?: true;
}

export const PROBLEMS = {
  // What is wrong with the request as such.
  "malformed-request": {
    status: 400,
    title: "The request is not HTTP as this server reads it",
    retry: "never",
  },
  "malformed-url": { status: 400, title: "The URL has a broken percent-encoding", retry: "never" },
  "malformed-json": { status: 400, title: "The body is not JSON", retry: "never" },
  "malformed-body": { status: 400, title: "The body does not have the expected shape", retry: "never" },
  "unsupported-media-type": { status: 415, title: "The body is not application/json", retry: "never" },
  "body-too-large": { status: 413, title: "The body is too large", retry: "never" },
  "headers-too-large": { status: 431, title: "The URL and the headers are too large", retry: "never" },
  "request-timeout": { status: 408, title: "The request did not arrive in time", retry: "same" },
  "route-not-found": { status: 404, title: "There is no such resource in this API", retry: "never" },
  "not-local": { status: 403, title: "The resource is only for this machine", retry: "never" },
  "upgrade-required": { status: 426, title: "The resource is a WebSocket", retry: "never" },
  "method-not-allowed": { status: 405, title: "The resource does not have this method", retry: "never" },

  // Who asks.
  unauthenticated: { status: 401, title: "The credential is missing, wrong or has expired", retry: "never" },
  forbidden: { status: 403, title: "The credential does not allow this", retry: "never" },
  "rate-limited": {
    status: 429,
    title: "More requests than are allowed at once",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "signing-keys-unavailable": {
    status: 503,
    title: "The keys that tokens are signed with can't be had at the moment",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "too-many-api-keys": {
    status: 409,
    title: "The tenant has as many API keys as it may; revoke some",
    retry: "never",
  },
  "api-key-not-found": { status: 404, title: "There is no such API key", retry: "never" },

  // What is wrong with its parameters.
  "invalid-key": { status: 400, title: "The key or name is not valid", retry: "never" },
  "invalid-name": { status: 400, title: "The collection's name is not a valid name", retry: "never" },
  "invalid-parameter": { status: 400, title: "A query or path parameter is not valid", retry: "never" },
  "invalid-cursor": {
    status: 400,
    title: "The cursor is none of this listing, or of this subscription",
    retry: "never",
  },
  "cursor-expired": {
    status: 410,
    title: "The region keeps no changes from so long ago any more; begin anew, without a cursor",
    retry: "never",
  },
  "invalid-session": { status: 400, title: "The session token is not valid", retry: "never" },
  "session-lost": {
    status: 409,
    title: "What the session has written may be lost with a region's database; begin a new session",
    retry: "never",
  },
  "invalid-idempotency-key": { status: 400, title: "The Idempotency-Key is not valid", retry: "never" },
  "invalid-deadline": { status: 400, title: "The deadline is not valid", retry: "never" },
  "invalid-condition": { status: 400, title: "The condition is not valid", retry: "never" },
  "invalid-lease": { status: 400, title: "The request for a lease is not valid", retry: "never" },

  // What is wrong with a write.
  "unknown-operator": { status: 400, title: "There is no such operator", retry: "never" },
  "empty-write": { status: 400, title: "The write changes nothing", retry: "never" },
  "too-many-changes": { status: 400, title: "The write changes too much at once", retry: "never" },
  "too-many-writes": { status: 400, title: "The transaction has too many writes", retry: "never" },
  "record-repeated": { status: 400, title: "The transaction writes to a record twice", retry: "never" },
  "unknown-field": { status: 422, title: "The collection has no such field", retry: "never" },
  "wrong-operator": { status: 422, title: "The field does not take this operator", retry: "never" },
  "not-indexed": { status: 422, title: "Records can't be listed by the field", retry: "never" },
  "deprecated-field": { status: 422, title: "The field takes no new writes", retry: "never" },
  "wrong-type": { status: 422, title: "The value has the wrong type", retry: "never" },
  "unstorable-value": { status: 422, title: "The value can't be stored", retry: "never" },
  "condition-on-local-write": {
    status: 422,
    title: "A region alone can't decide a condition",
    retry: "never",
  },
  "take-is-local": { status: 422, title: "The log does not take from escrows", retry: "never" },
  "across-partitions": { status: 422, title: "The request spans several partitions", retry: "never" },
  "idempotency-key-reused": {
    status: 422,
    title: "The Idempotency-Key belongs to another request",
    retry: "never",
  },

  // What is wrong with an order to a region.
  "unknown-region": { status: 422, title: "The cluster has no such region", retry: "never" },
  "region-not-fit": { status: 409, title: "The region can't lead the log at the moment", retry: "same" },
  "drain-refused": { status: 409, title: "Too few regions would be left to take writes", retry: "same" },
  "log-healthy": { status: 409, title: "The log has not failed: it is not made anew", retry: "never" },
  "rebuild-refused": {
    status: 409,
    title: "The log can't be made anew without somebody deciding more",
    retry: "never",
  },
  "remove-refused": { status: 409, title: "The region can't be removed as it is", retry: "same" },
  "not-diverged": { status: 409, title: "The verification has found nothing to repair", retry: "never" },
  "verification-outdated": {
    status: 409,
    title: "The verification is too old to repair what it found; verify again",
    retry: "never",
  },
  "region-not-compared": {
    status: 409,
    title: "The verification could not compare the region",
    retry: "never",
  },

  // What is wrong with a schema.
  "invalid-schema": { status: 422, title: "The schema is not valid", retry: "never" },
  "schema-rejected": {
    status: 409,
    title: "The schema can't follow the one that is in force",
    retry: "never",
  },

  // What is not there.
  "unknown-collection": { status: 404, title: "There is no such collection", retry: "never" },
  "record-not-found": { status: 404, title: "There is no such record", retry: "never" },
  "record-deleted": { status: 410, title: "The record is deleted", retry: "never" },
  "operation-not-found": { status: 404, title: "The region knows no such operation", retry: "never" },
  "lease-not-found": { status: 404, title: "There is no such lease", retry: "never" },
  "conflict-not-found": { status: 404, title: "The region knows no such conflict", retry: "never" },
  "conflict-not-restorable": {
    status: 409,
    title: "The conflict's loser can't be written again",
    retry: "never",
  },
  "verification-not-found": {
    status: 404,
    title: "The region's process knows no such verification",
    retry: "never",
  },
  "backup-not-found": {
    status: 404,
    title: "The region's process has no such backup open",
    retry: "never",
  },

  // What the region has not enough of. Nothing took effect.
  insufficient: { status: 409, title: "The region may not take so much", retry: "same" },

  // What the log has decided against. Nothing took effect.
  "precondition-failed": decided({ status: 412, title: "A condition of the request does not hold" }),
  "not-unique": decided({ status: 409, title: "Another record has the unique value" }),
  "immutable-field": decided({ status: 409, title: "The field is set and stays as it is" }),
  "transition-refused": decided({ status: 409, title: "The state can't follow the one that the record has" }),
  "out-of-bounds": decided({ status: 409, title: "The value is beyond what the field can hold" }),
  "stale-fence": decided({ status: 409, title: "The fence's lease has passed on or run out" }),
  "lease-held": decided({ status: 409, title: "Another holds the lease", retry: "same" }),
  "lease-lost": decided({ status: 409, title: "The lease is no longer the one that the token names" }),
  deleted: decided({ status: 409, title: "The record is deleted and takes no writes" }),
  "not-deleted": decided({ status: 409, title: "The record is not deleted" }),
  "region-alive": decided({ status: 409, title: "The region is not lost", retry: "same" }),
  "record-missing": decided({ status: 404, title: "There is no such record, or nothing of it, to act on" }),
  "schema-changed": decided({
    status: 409,
    title: "The collection's schema has changed meanwhile",
    retry: "same",
  }),
  expired: decided({
    status: 503,
    title: "The log did not order the request in time; it certainly has no effect",
    retry: "same",
    retryAfterSeconds: 1,
  }),

  // What the region can't do at the moment. Nothing took effect, except where the outcome is unknown.
  "too-many-backups": {
    status: 429,
    title: "The region's process has too many backups open at once",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "too-many-subscriptions": {
    status: 429,
    title: "The connection, or the region's process, has as many subscriptions as it may",
    retry: "same",
    retryAfterSeconds: 5,
  },
  overloaded: {
    status: 429,
    title: "The region has too many requests at once",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "memory-short": {
    status: 503,
    title: "The region process is short of memory",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "wal-full": {
    status: 503,
    title: "The region's write-ahead buffer is as good as full",
    retry: "same",
    retryAfterSeconds: 2,
  },
  "clock-skew": {
    status: 503,
    title:
      "The clock of the region's process is off: what it stamps might win, or lose, wrongly; other regions take it",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "store-unavailable": {
    status: 503,
    title: "The region's database does not answer",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "index-building": {
    status: 503,
    title: "The field's index is still being built in this region",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "too-much-pending": {
    status: 503,
    title: "Too many writes wait for the log to show what they make of their records",
    retry: "same",
    retryAfterSeconds: 5,
  },
  draining: {
    status: 503,
    title: "The region is drained and takes no new writes; other regions do",
    retry: "same",
    retryAfterSeconds: 5,
  },
  bootstrapping: {
    status: 503,
    title: "The region loads its state from another one; other regions serve it meanwhile",
    retry: "same",
    retryAfterSeconds: 5,
  },
  rejoining: {
    status: 503,
    title:
      "The region's database went back or is new, and the log has not taken it in yet; other regions take writes",
    retry: "same",
    retryAfterSeconds: 2,
  },
  "not-a-member": {
    status: 503,
    title: "The region is no member of the cluster; other regions are",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "leader-not-moved": {
    status: 503,
    title: "The log is led by another region than was asked for",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "reconciler-unavailable": {
    status: 503,
    title: "The process can't verify or repair at the moment",
    retry: "same",
    retryAfterSeconds: 5,
  },
  "no-quorum": { status: 503, title: "The log has no leader", retry: "same", retryAfterSeconds: 5 },
  "session-behind": {
    status: 503,
    title: "The region is behind what the session has seen",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "too-stale": {
    status: 503,
    title: "The region's view may be older than the read allows",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "not-supported-yet": {
    status: 503,
    title: "Another region's software is too old for this",
    retry: "same",
    retryAfterSeconds: 5,
  },
  starting: {
    status: 503,
    title: "The region process is not serving yet",
    retry: "same",
    retryAfterSeconds: 1,
  },
  "outcome-unknown": {
    status: 504,
    title: "The request may or may not have taken effect",
    retry: "ask",
    retryAfterSeconds: 1,
  },
  internal: { status: 500, title: "A bug of this server", retry: "ask" },
} as const satisfies { readonly [code: string]: ProblemDefinition };

/** The same request would be decided alike, unless what stands against it can pass. */
function decided(
  definition: Omit<ProblemDefinition, "retry"> & { readonly retry?: "same" },
): ProblemDefinition {
  return { retry: "never", ...definition, isDecided: true };
}

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];

const TYPE_PREFIX = "urn:forebay:problem:";

export function problemType(code: ProblemCode): string {
  return `${TYPE_PREFIX}${code}`;
}

export function problemDefinition(code: ProblemCode): ProblemDefinition {
  return PROBLEMS[code];
}
