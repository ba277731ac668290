/** Routes of API keys: make, list, revoke. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { API_KEY_ID_PATTERN, type ApiKey } from "../../../core/access/api-key.ts";
import type { Identity } from "../../../core/access/identity.ts";
import { mayGrant, mayRunCluster, parseScope } from "../../../core/access/scope.ts";
import { isTenant, TENANT_PATTERN } from "../../../core/access/tenant.ts";
import {
  ApiKeyBody,
  ApiKeyId,
  ApiKeyListAnswer,
  NewApiKeyAnswer,
  type ApiKeyAnswer,
} from "../../../protocol/http/api-keys.ts";
import { API_PREFIX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import type { ProblemCode } from "../../../protocol/http/problems.ts";
import type { Ending } from "../../../runtime/auditor.ts";
import type { ApiKeys } from "../../access/api-keys.ts";
import { GatewayError } from "../../errors.ts";
import { ActorHeaders, audited, ordererOf } from "../audited.ts";
import { DeadlineRequestHeader, ORDERED_PROBLEMS } from "../documents.ts";
import { identityOf } from "../identity.ts";
import { refuseBody } from "../json-body.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { deadlineMsOf } from "../request-headers.ts";
import { limitOf, readQuery, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const KEYS_URL = `${API_PREFIX}/api-keys`;
const ID = new RegExp(API_KEY_ID_PATTERN);

const bodies = Compile(ApiKeyBody);
const Headers = Type.Object({ ...ActorHeaders, "Forebay-Deadline-Ms": DeadlineRequestHeader });
/** What an order meets that the log decides on. No Idempotency-Key: the secret could not be told twice. */
const DECIDED_PROBLEMS: readonly ProblemCode[] = ORDERED_PROBLEMS.filter(
  (code) => !["invalid-session", "invalid-idempotency-key", "idempotency-key-reused"].includes(code),
);

export interface ApiKeyContext extends RouteContext {
  readonly apiKeys: Pick<ApiKeys, "create" | "list" | "revoke">;
}

export function addApiKeyRoutes(app: FastifyInstance, context: ApiKeyContext): void {
  addCreate(app, context);
  addList(app, context);
  addRevoke(app, context);
}

const createDocument: RouteDocument = {
  operationId: "createApiKey",
  summary: "Make an API key for a service",
  description:
    "The log decides; the key is taken in every region that has folded that. Where the outcome is unknown, list the keys, revoke it, and make another: its secret is lost.",
  tag: "access",
  headers: Headers,
  body: ApiKeyBody,
  answers: { 201: { description: "The key, this once with its secret.", body: NewApiKeyAnswer } },
  problems: [...DECIDED_PROBLEMS, "too-many-api-keys"],
};

function addCreate(app: FastifyInstance, context: ApiKeyContext): void {
  addRoute(app, context, {
    method: "POST",
    url: KEYS_URL,
    document: createDocument,
    access: { action: "keys" },
    async handle({ headers, raw, query, body }, reply) {
      readQuery(query, []);
      const right =
        'the body has "name", "scopes", a list such as ["read:", "write:orders"], and may have "tenant" and "expires_at_ms"';
      const given = readShapedBody<ApiKeyBody>({ headers, body }, bodies, right);
      const identity = identityOf(raw);
      const { name, scopes, tenant = identity.tenant, expires_at_ms: expiresAtMs } = given;
      checkGrant(identity, { tenant, scopes });
      const wish = { tenant, name, scopes: scopes.join(" "), expiresAtMs, deadlineMs: deadlineMsOf(headers) };
      const madeBy = ordererOf({ headers, raw }).actor;
      const about = { tenant, name, scopes };
      const ended = ({ key }: { key: ApiKey }): Ending => ({ outcome: "done", about: { key: key.id } });
      const act = { request: { headers, raw }, action: "key-create", about, ended } as const;
      const made = await audited(context, act, () => context.apiKeys.create({ ...wish, madeBy }));
      reply.code(201).header("cache-control", "no-store");
      return JSON.stringify({ ...keyAnswer(made.key), key: made.text } satisfies NewApiKeyAnswer);
    },
  });
}

/** @throws {GatewayError} forbidden. */
function checkGrant(identity: Identity, wish: { tenant: string; scopes: readonly string[] }): void {
  const isForeign = wish.tenant !== identity.tenant && !mayRunCluster(identity);
  const isBeyond = !mayGrantAll(identity, wish.scopes);
  if (!isForeign && !isBeyond) return;
  const detail = isForeign
    ? 'keys of another tenant take the scope "cluster"'
    : 'keys with the scopes "cluster" or "metrics" are made with the scope "cluster"';
  throw new GatewayError("forbidden", detail, { scope: "cluster" });
}

/** Whoever could not have made it can't take it away either. @throws {GatewayError} forbidden. */
function checkRevoke(identity: Identity, scopes: readonly string[]): void {
  if (mayGrantAll(identity, scopes)) return;
  const detail = 'keys with the scopes "cluster" or "metrics" are revoked with the scope "cluster"';
  throw new GatewayError("forbidden", detail, { scope: "cluster" });
}

function mayGrantAll(identity: Identity, scopes: readonly string[]): boolean {
  const mayGrantText = (text: string) => {
    const scope = parseScope(text);
    // One that newer software knows is granted by whoever may grant all.
    return scope === undefined ? mayRunCluster(identity) : mayGrant(identity, scope);
  };
  return scopes.every(mayGrantText);
}

const listDocument: RouteDocument = {
  operationId: "listApiKeys",
  summary: "List API keys by id, without their secrets",
  description: "Those of the credential's tenant; with the scope `cluster` those of all.",
  tag: "access",
  query: Type.Object({
    tenant: Type.Optional(Type.String({ pattern: TENANT_PATTERN, description: "Only this tenant's." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
    cursor: Type.Optional(Type.String({ description: "The next_cursor of the page before." })),
  }),
  headers: Type.Object({ "Forebay-Deadline-Ms": DeadlineRequestHeader }),
  answers: { 200: { description: "A page of keys.", body: ApiKeyListAnswer } },
  problems: [
    "invalid-cursor",
    "invalid-deadline",
    "bootstrapping",
    "not-a-member",
    "store-unavailable",
    "starting",
  ],
};

function addList(app: FastifyInstance, context: ApiKeyContext): void {
  addRoute(app, context, {
    method: "GET",
    url: KEYS_URL,
    document: listDocument,
    access: { action: "keys" },
    async handle({ headers, raw, query: given }) {
      const query = readQuery(given, ["tenant", "limit", "cursor"]);
      const page = { limit: limitOf(query), after: cursorOf(query), deadlineMs: deadlineMsOf(headers) };
      const { keys, next } = await context.apiKeys.list({
        ...page,
        tenant: tenantOf(query, identityOf(raw)),
      });
      const answer = { api_keys: keys.map(keyAnswer), ...(next !== undefined && { next_cursor: next }) };
      return JSON.stringify(answer satisfies ApiKeyListAnswer);
    },
  });
}

const revokeDocument: RouteDocument = {
  operationId: "revokeApiKey",
  summary: "Revoke an API key, for good",
  description:
    "The log decides. A region that has folded it refuses the key within 5 s. One that the log does not reach goes on taking it.",
  tag: "access",
  params: Type.Object({ apiKey: ApiKeyId }),
  headers: Headers,
  answers: { 204: { description: "The key is revoked." } },
  problems: [...BODY_PROBLEMS, ...DECIDED_PROBLEMS, "api-key-not-found"],
};

function addRevoke(app: FastifyInstance, context: ApiKeyContext): void {
  addRoute<{ readonly apiKey: string }>(app, context, {
    method: "DELETE",
    url: `${KEYS_URL}/:apiKey`,
    document: revokeDocument,
    access: { action: "keys" },
    async handle({ headers, raw, params, query, body }, reply) {
      readQuery(query, []);
      refuseBody(headers, body);
      const { apiKey: id } = params;
      if (!ID.test(id)) {
        const detail = "an API key is named by its id, the 16 characters between fb_ and the secret";
        throw new ProblemError("invalid-parameter", detail, { field: "apiKey" });
      }
      const identity = identityOf(raw);
      const scope = { tenant: mayRunCluster(identity) ? undefined : identity.tenant };
      const checkMayRevoke = (scopes: readonly string[]) => checkRevoke(identity, scopes);
      const revoke = { ...scope, deadlineMs: deadlineMsOf(headers), checkMayRevoke };
      const act = { request: { headers, raw }, action: "key-revoke", about: { key: id } } as const;
      await audited(context, act, () => context.apiKeys.revoke(id, revoke));
      reply.code(204);
      return "";
    },
  });
}

/** Undefined: all. @throws {ProblemError} invalid-parameter. @throws {GatewayError} forbidden. */
function tenantOf({ tenant }: Query, identity: Identity): string | undefined {
  if (tenant !== undefined && !isTenant(tenant)) {
    throw new ProblemError("invalid-parameter", "tenant is the name of a tenant", { field: "tenant" });
  }
  if (mayRunCluster(identity)) return tenant;
  if (tenant !== undefined && tenant !== identity.tenant) {
    throw new GatewayError("forbidden", 'keys of another tenant take the scope "cluster"', {
      scope: "cluster",
    });
  }
  return identity.tenant;
}

/** @throws {ProblemError} invalid-cursor. */
function cursorOf({ cursor }: Query): string | undefined {
  if (cursor === undefined || ID.test(cursor)) return cursor;
  const detail = "pass on the next_cursor of the page before, unchanged";
  throw new ProblemError("invalid-cursor", detail, { field: "cursor" });
}

function keyAnswer({ id, tenant, name, scopes, madeBy, madeAtMs, expiresAtMs }: ApiKey): ApiKeyAnswer {
  return {
    id,
    tenant,
    name,
    scopes: scopes.split(" "),
    made_by: madeBy,
    made_at_ms: madeAtMs,
    ...(expiresAtMs !== undefined && { expires_at_ms: expiresAtMs }),
  };
}
