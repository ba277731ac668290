/** Parameters and headers that several routes describe. */
import { Type } from "typebox";
import { COLLECTION_NAME_PATTERN } from "../../core/schema.ts";
import { KEY_BYTES_MAX } from "../../core/accept.ts";
import {
  AVAILABLE_CONSISTENCIES,
  DEADLINE_MS_DEFAULT,
  DEADLINE_MS_MAX,
  DEADLINE_MS_MIN,
  IDEMPOTENCY_KEY_LENGTH_MAX,
} from "../../protocol/http/headers.ts";

export const CollectionName = Type.String({ pattern: COLLECTION_NAME_PATTERN });

export const RecordParams = Type.Object({
  collection: CollectionName,
  key: Type.String({
    minLength: 1,
    maxLength: KEY_BYTES_MAX,
    description: `Percent-encoded, also its slashes (%2F); at most ${KEY_BYTES_MAX} bytes of UTF-8 without control characters.`,
  }),
});

export const ConsistencyParameter = Type.Optional(
  Type.Enum([...AVAILABLE_CONSISTENCIES], {
    default: "local",
    description:
      "local: this region's view; session: the same, once it holds what Forebay-Session has seen. bounded and linearizable are refused in this version.",
  }),
);

export const SessionRequestHeader = Type.Optional(
  Type.String({ description: "The session token of an earlier answer, from any region." }),
);

export const DeadlineRequestHeader = Type.Optional(
  Type.Integer({
    minimum: DEADLINE_MS_MIN,
    maximum: DEADLINE_MS_MAX,
    default: DEADLINE_MS_DEFAULT,
    description: "How long the client waits for the answer.",
  }),
);

export const IdempotencyKeyRequestHeader = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: IDEMPOTENCY_KEY_LENGTH_MAX,
    pattern: "^[\\x20-\\x7e]+$",
    description:
      "Names the request: sent again with the same key, to any region, it takes effect once and gets the first answer.",
  }),
);

export const SessionAnswerHeader = Type.String({ description: "The session token, as in the body." });
export const ETagAnswerHeader = Type.String({ description: "The version of the record's view." });
