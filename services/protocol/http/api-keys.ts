/** Bodies and answers of `/v1/api-keys`. */
import { Type, type Static } from "typebox";
import { API_KEY_ID_PATTERN } from "../../core/access/api-key.ts";
import { SCOPE_PATTERN, SCOPES_MAX } from "../../core/access/scope.ts";
import { TENANT_PATTERN } from "../../core/access/tenant.ts";

export const API_KEY_NAME_LENGTH_MAX = 64;

const Tenant = Type.String({ pattern: TENANT_PATTERN });
/** What names a key, and is no secret. */
export const ApiKeyId = Type.String({ pattern: API_KEY_ID_PATTERN, examples: ["k3v9x2m7q4w8t1z5"] });
const Name = Type.String({
  minLength: 1,
  maxLength: API_KEY_NAME_LENGTH_MAX,
  pattern: "^[\\x20-\\x7e]+$",
  description: "What it is for: the audit trail shows it.",
});
const Scopes = Type.Array(Type.String({ pattern: SCOPE_PATTERN, examples: ["read:users"] }), {
  minItems: 1,
  maxItems: SCOPES_MAX,
  description:
    "`read:PREFIX`, `write:PREFIX`, `admin:PREFIX` are bound to collections whose names begin with PREFIX, `read:` to all; `metrics` and `cluster` are bound to none.",
});
const Time = Type.Integer({ minimum: 0, description: "Milliseconds since 1970." });

export const ApiKeyBody = Type.Object(
  {
    name: Name,
    scopes: Scopes,
    tenant: Type.Optional(
      Type.String({
        pattern: TENANT_PATTERN,
        description: "Default: that of the credential. Another one takes the scope `cluster`.",
      }),
    ),
    expires_at_ms: Type.Optional(Time),
  },
  { additionalProperties: false },
);

export const ApiKeyAnswer = Type.Object(
  {
    id: ApiKeyId,
    tenant: Tenant,
    name: Type.String(),
    scopes: Type.Array(Type.String({ examples: ["read:users"] })),
    made_by: Type.String(),
    made_at_ms: Time,
    expires_at_ms: Type.Optional(Time),
  },
  { additionalProperties: false },
);

export const NewApiKeyAnswer = Type.Object(
  {
    ...ApiKeyAnswer.properties,
    key: Type.String({
      description: "The key itself. Nobody will ever be told it again.",
      examples: ["fb_k3v9x2m7q4w8t1z5_..."],
    }),
  },
  { additionalProperties: false },
);

export const ApiKeyListAnswer = Type.Object(
  { api_keys: Type.Array(ApiKeyAnswer), next_cursor: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

export type ApiKeyBody = Static<typeof ApiKeyBody>;
export type ApiKeyAnswer = Static<typeof ApiKeyAnswer>;
export type NewApiKeyAnswer = Static<typeof NewApiKeyAnswer>;
export type ApiKeyListAnswer = Static<typeof ApiKeyListAnswer>;
