/** What the documents of several routes have in common: parameters, headers, problems. */
import { Type } from "typebox";
import { KEY_BYTES_MAX } from "../../core/accept/key.ts";
import { COLLECTION_NAME_PATTERN } from "../../core/schema.ts";
import {
  API_PREFIX,
  CONSISTENCIES,
  DEADLINE_MS_DEFAULT,
  DEADLINE_MS_MAX,
  DEADLINE_MS_MIN,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  STALENESS_MS_MAX,
} from "../../protocol/http/headers.ts";
import { WriteAnswer } from "../../protocol/http/answers.ts";
import type { ProblemCode } from "../../protocol/http/problems.ts";
import type { RouteDocument } from "./openapi.ts";

export const RECORDS_URL = `${API_PREFIX}/collections/:collection/records`;
export const RECORD_URL = `${RECORDS_URL}/:key`;

/** Parameters of `RECORD_URL`. */
export interface RecordNames {
  readonly collection: string;
  readonly key: string;
}

export const CollectionName = Type.String({ pattern: COLLECTION_NAME_PATTERN });

/** Of a record's key, or of a name that is checked like one. */
export const KeyParameter = Type.String({
  minLength: 1,
  maxLength: KEY_BYTES_MAX,
  description: `Percent-encoded, also its slashes (%2F); at most ${KEY_BYTES_MAX} bytes of UTF-8 without control characters.`,
});

export const RecordParams = Type.Object({ collection: CollectionName, key: KeyParameter });

export const ConsistencyParameters = {
  consistency: Type.Optional(
    Type.Enum([...CONSISTENCIES], {
      default: "local",
      description:
        "local: this region's view; session: the same, once it holds what Forebay-Session has seen; bounded: the same, if it is at most max_staleness_ms old; linearizable: committed state, with everything that was acknowledged as committed before the read began.",
    }),
  ),
  max_staleness_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: STALENESS_MS_MAX,
      description: "Required with consistency=bounded, and refused without.",
    }),
  ),
};

export const SessionRequestHeader = Type.Optional(
  Type.String({
    description:
      "The session token of an earlier answer, from any region; or several, separated by commas: a client that asks side by side has one of each answer.",
  }),
);

export const DeadlineRequestHeader = Type.Optional(
  Type.Integer({
    minimum: DEADLINE_MS_MIN,
    maximum: DEADLINE_MS_MAX,
    default: DEADLINE_MS_DEFAULT,
    description: "How long the client waits for the answer.",
  }),
);

/** Of every request. */
export const RequestHeaders = {
  "Forebay-Session": SessionRequestHeader,
  "Forebay-Deadline-Ms": DeadlineRequestHeader,
};

/** Of every request that changes something. */
export const ChangeHeaders = {
  "Idempotency-Key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: IDEMPOTENCY_KEY_LENGTH_MAX,
      pattern: "^[\\x20-\\x7e]+$",
      description:
        "Names the request: sent again with the same key, to any region, it takes effect once and gets the first answer. That holds for what the log has decided against as well: a new try needs a new key.",
    }),
  ),
  ...RequestHeaders,
  traceparent: Type.Optional(
    Type.String({
      description:
        "W3C trace context: it goes with the operation to every region, into their logs. A malformed one is ignored.",
    }),
  ),
};

export const IfMatchRequestHeader = Type.Optional(
  Type.String({
    description:
      'The ETag of a read, such as `"17"`: the record must have this version. `*`: there must be one.',
  }),
);

export const SessionAnswerHeader = Type.String({ description: "The session token, as in the body." });
export const ETagAnswerHeader = Type.String({ description: "The version of the record's view." });

/** Of the answer to every request that changes something. */
export const ChangeAnswerHeaders = {
  "Forebay-Session": SessionAnswerHeader,
  "Idempotency-Replayed": Type.Literal("true", {
    description: "Present when this is the answer to an earlier try of the same request.",
  }),
};

/** Of a write to one record. */
export const PreferRequestHeader = Type.Optional(
  Type.String({
    description:
      "`wait=committed`: answer once the log has ordered the write, if that is within the deadline.",
  }),
);

const WriteAnswerHeaders = {
  ...ChangeAnswerHeaders,
  "Preference-Applied": Type.Literal("wait=committed", {
    description: "Present when the wait was honoured.",
  }),
};

/** Of a write to one record. */
export const WRITE_ANSWERS: RouteDocument["answers"] = {
  200: {
    description: "The log has ordered the write: committed or superseded.",
    body: WriteAnswer,
    headers: WriteAnswerHeaders,
  },
  202: {
    description: "The write is durable in this region and is on its way to the others.",
    body: WriteAnswer,
    headers: WriteAnswerHeaders,
  },
  409: {
    description:
      "As a receipt: another region was first with another request under the same Idempotency-Key.",
    body: WriteAnswer,
    headers: WriteAnswerHeaders,
  },
};

/** What a write to one record can meet once its body is right, besides what every request that the log decides on can. */
export const WRITE_PROBLEMS: readonly ProblemCode[] = [
  "unknown-collection",
  "wal-full",
  "clock-skew",
  "rejoining",
  "insufficient",
  "not-unique",
  "immutable-field",
  "transition-refused",
  "out-of-bounds",
  "deleted",
  "schema-changed",
];

/** What a request can meet that the log is to decide on, besides the decision. */
export const ORDERED_PROBLEMS: readonly ProblemCode[] = [
  "invalid-session",
  "invalid-idempotency-key",
  "invalid-deadline",
  "invalid-condition",
  "idempotency-key-reused",
  "overloaded",
  "draining",
  "bootstrapping",
  "not-a-member",
  "session-behind",
  "session-lost",
  "no-quorum",
  "not-supported-yet",
  "expired",
  "store-unavailable",
  "starting",
  "outcome-unknown",
];

/** What a read can meet before there is an answer. */
export const READ_PROBLEMS: readonly ProblemCode[] = [
  "invalid-session",
  "invalid-deadline",
  "not-a-member",
  "session-behind",
  "session-lost",
  "no-quorum",
  "overloaded",
  "not-supported-yet",
  "bootstrapping",
  "store-unavailable",
  "starting",
];
