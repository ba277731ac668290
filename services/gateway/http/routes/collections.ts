/** Routes of collections: their schemas. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { Identity } from "../../../core/access/identity.ts";
import { COLLECTION_ACTIONS, may } from "../../../core/access/scope.ts";
import type { Collection, CollectionSchema } from "../../../core/schema.ts";
import { CollectionSchemaBody } from "../../../protocol/collection.ts";
import { CollectionAnswer, CollectionListAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import type { Ending } from "../../../runtime/auditor.ts";
import { collectionAnswer } from "../answers.ts";
import { ActorHeaders, audited } from "../audited.ts";
import { CollectionName, DeadlineRequestHeader, RequestHeaders } from "../documents.ts";
import { identityOf } from "../identity.ts";
import { readJsonBody } from "../json-body.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { deadlineMsOf, requestContextOf, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const LIST_URL = `${API_PREFIX}/collections`;
const COLLECTION_URL = `${LIST_URL}/:collection`;
const REASONS_MAX = 5;

const validator = Compile(CollectionSchemaBody);

export function addCollectionRoutes(app: FastifyInstance, context: RouteContext): void {
  addPut(app, context);
  addList(app, context);
}

const putDocument: RouteDocument = {
  operationId: "putCollection",
  summary: "Set a collection's schema",
  description:
    "The log orders schemas for all regions. Fields may be added; a field that is there can't be removed or become another. Setting the same schema again changes nothing.",
  tag: "collections",
  params: Type.Object({ collection: CollectionName }),
  headers: Type.Object({ ...RequestHeaders, ...ActorHeaders }),
  body: CollectionSchemaBody,
  answers: { 200: { description: "The schema is in force.", body: CollectionAnswer } },
  problems: [
    "invalid-name",
    "invalid-schema",
    "invalid-session",
    "invalid-deadline",
    "schema-rejected",
    "invalid-condition",
    "draining",
    "bootstrapping",
    "no-quorum",
    "not-supported-yet",
    "expired",
    "store-unavailable",
    "starting",
    "outcome-unknown",
  ],
};

function addPut(app: FastifyInstance, context: RouteContext): void {
  const { gateway } = context;
  addRoute<{ readonly collection: string }>(app, context, {
    method: "PUT",
    url: COLLECTION_URL,
    document: putDocument,
    access: { action: "admin", of: "collection" },
    kind: "decided",
    async handle({ headers, raw, params, query, body }) {
      readQuery(query, []);
      versionOf(headers, []);
      const { collection: name } = params;
      const schema = checkShape(readJsonBody(headers, body));
      const request = { ...requestContextOf({ headers, raw }, context), name, schema };
      const act = {
        request: { headers, raw },
        action: "schema-put",
        about: { collection: name, schema },
        deadlineMs: request.deadlineMs,
        ended: ({ version }: Collection): Ending => ({ outcome: "done", about: { version } }),
      } as const;
      const collection = await audited(context, act, () => gateway.putCollection(request));
      return JSON.stringify(collectionAnswer(collection));
    },
  });
}

/** What the shape can't say, the gateway checks. */
function checkShape(body: unknown): CollectionSchema {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ProblemError("malformed-body", 'the body is a JSON object with "fields"');
  }
  if (validator.Check(body)) return body as CollectionSchema;
  const reasons = validator
    .Errors(body)
    .slice(0, REASONS_MAX)
    .map((error) => `${error.instancePath || "/"} ${error.message}`);
  throw new ProblemError("invalid-schema", [...new Set(reasons)].join("; "));
}

const listDocument: RouteDocument = {
  operationId: "listCollections",
  summary: "List collections with their schemas",
  tag: "collections",
  headers: Type.Object({ "Forebay-Deadline-Ms": DeadlineRequestHeader }),
  answers: {
    200: {
      description: "All collections that the credential has some scope for, by name.",
      body: CollectionListAnswer,
    },
  },
  problems: ["invalid-deadline", "bootstrapping", "store-unavailable", "starting"],
};

function maySee(identity: Identity, collection: string): boolean {
  return COLLECTION_ACTIONS.some((action) => may(identity, action, collection));
}

function addList(app: FastifyInstance, context: RouteContext): void {
  const { gateway } = context;
  addRoute(app, context, {
    method: "GET",
    url: LIST_URL,
    document: listDocument,
    access: { action: "any" },
    async handle({ headers, raw, query }) {
      readQuery(query, []);
      const identity = identityOf(raw);
      const collections = await gateway.listCollections(identity.tenant, deadlineMsOf(headers));
      const answers = collections.filter(({ name }) => maySee(identity, name)).map(collectionAnswer);
      answers.sort((one, other) => (one.name < other.name ? -1 : 1));
      return JSON.stringify({ collections: answers });
    },
  });
}
