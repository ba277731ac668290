/** Headers and limits of API version 1. */

export const API_PREFIX = "/v1";

/** Node hands header names over in lower case. */
export const IDEMPOTENCY_KEY_HEADER = "idempotency-key";
export const SESSION_HEADER = "forebay-session";
export const DEADLINE_HEADER = "forebay-deadline-ms";
export const CHANGES_RETENTION_HEADER = "forebay-changes-retention";
export const REPLAYED_HEADER = "idempotency-replayed";

export const IDEMPOTENCY_KEY_LENGTH_MAX = 255;
export const DEADLINE_MS_DEFAULT = 15_000;
export const DEADLINE_MS_MIN = 50;
export const DEADLINE_MS_MAX = 60_000;
export const BODY_BYTES_MAX = 64 * 1024;
/** Of the body of an import, which is many writes. */
export const IMPORT_BYTES_MAX = 1024 * 1024;
export const IMPORT_LINES_MAX = 1_000;
export const IMPORT_MEDIA_TYPE = "application/x-ndjson";
export const HEADERS_BYTES_MAX = 32 * 1024;
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 1_000;
export const STALENESS_MS_MAX = 86_400_000;
export const LEASE_TTL_MS_MIN = 1_000;
export const LEASE_TTL_MS_MAX = 600_000;
export const LEASE_HOLDER_LENGTH_MAX = 256;
/** What regions are called. */
export const REGION_NAME_PATTERN = "^[a-z][a-z0-9-]{0,15}$";

/** Consistencies that a read may ask for. */
export const CONSISTENCIES = ["local", "session", "bounded", "linearizable"] as const;
