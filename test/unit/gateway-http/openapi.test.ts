/** The document says all that the API does. */
import { beforeAll, describe, expect, it } from "vitest";
import { PROBLEM_CODES, problemDefinition, problemType } from "../../../services/protocol/http/problems.ts";
import { get } from "./requests.ts";
import { buildRig } from "./stub-gateway.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: { readonly [status: string]: { readonly description: string } };
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

interface Document {
  readonly openapi: string;
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
  readonly components: { readonly schemas: { readonly ProblemType: { readonly enum: readonly string[] } } };
}

let document: Document;
let text: string;

beforeAll(async () => {
  const response = await get(await buildRig(), "/openapi.json");
  text = response.body;
  document = response.json();
});

const ROUTES = [
  "patch /v1/collections/{collection}/records/{key}",
  "get /v1/collections/{collection}/records/{key}",
  "get /v1/collections/{collection}/records",
  "put /v1/collections/{collection}",
  "get /v1/collections",
  "get /v1/operations/{operation}",
  "get /v1/status",
  "get /livez",
  "get /readyz",
  "get /metrics",
  "get /openapi.json",
];

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  );
}

describe("the OpenAPI document", () => {
  it("is of version 3.1 and has every route", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(
      operations()
        .map(([route]) => route)
        .sort(),
    ).toEqual([...ROUTES].sort());
    expect(new Set(operations().map(([, { operationId }]) => operationId)).size).toBe(ROUTES.length);
  });

  it("lists every problem code", () => {
    expect(document.components.schemas.ProblemType.enum).toEqual(PROBLEM_CODES.map(problemType));
  });

  it("tells of every code where it can come from, under its status", () => {
    const responses = operations().flatMap(([, operation]) => Object.entries(operation.responses));
    const outside = ["route-not-found", "method-not-allowed"];
    for (const code of PROBLEM_CODES.filter((candidate) => !outside.includes(candidate))) {
      const { status } = problemDefinition(code);
      const tellers = responses.filter(([, { description }]) => description.includes(`\`${code}\``));
      expect(tellers.length, code).toBeGreaterThan(0);
      expect(new Set(tellers.map(([told]) => told)), code).toEqual(new Set([String(status)]));
    }
  });

  it("has the headers of a write", () => {
    const write = document.paths["/v1/collections/{collection}/records/{key}"]!["patch"]!;
    expect(write.parameters!.filter(({ in: place }) => place === "header").map(({ name }) => name)).toEqual([
      "Idempotency-Key",
      "Forebay-Session",
      "Forebay-Deadline-Ms",
      "Prefer",
      "If-Match",
    ]);
  });

  it("has no reference that leads nowhere", () => {
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1]!.split("/"));
    expect(references.length).toBeGreaterThan(0);
    for (const path of references) {
      const target = path.reduce<unknown>(
        (node, name) => (node as { [name: string]: unknown })[name],
        document,
      );
      expect(target, path.join("/")).toBeTypeOf("object");
    }
  });
});
