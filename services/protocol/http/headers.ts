/** Headers and limits of API version 1. */

export const API_PREFIX = "/v1";

/** Node hands header names over in lower case. */
export const IDEMPOTENCY_KEY_HEADER = "idempotency-key";
export const SESSION_HEADER = "forebay-session";
export const DEADLINE_HEADER = "forebay-deadline-ms";
export const REPLAYED_HEADER = "idempotency-replayed";

export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;
export const DEADLINE_MS_DEFAULT = 10_000;
export const DEADLINE_MS_MIN = 50;
export const DEADLINE_MS_MAX = 60_000;
export const BODY_BYTES_MAX = 64 * 1024;
export const HEADERS_BYTES_MAX = 32 * 1024;
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 1_000;

/** Consistencies that a read may ask for, and those that this version has. */
export const CONSISTENCIES = ["local", "session", "bounded", "linearizable"] as const;
export const AVAILABLE_CONSISTENCIES = ["local", "session"] as const;
export type AvailableConsistency = (typeof AVAILABLE_CONSISTENCIES)[number];
