/** The document says all that the API does. */
import { Compile } from "typebox/compile";
import { beforeAll, describe, expect, it } from "vitest";
import { PROBLEM_CODES, problemDefinition, problemType } from "../../../services/protocol/http/problems.ts";
import {
  RepairBody,
  RepairListAnswer,
  RepairReportAnswer,
  VerificationAnswer,
  VerificationListAnswer,
  VerifyBody,
} from "../../../services/protocol/http/verifications.ts";
import { get } from "./requests.ts";
import { buildRig } from "./rig.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: {
    readonly [status: string]: {
      readonly description: string;
      readonly content?: object;
      readonly headers?: object;
    };
  };
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
  const nothing = async () => ({ status: 200, text: "{}" });
  const response = await get(
    await buildRig({ chaos: { faults: nothing, perform: nothing } }),
    "/openapi.json",
  );
  text = response.body;
  document = response.json();
});

const ROUTES = [
  "get /v1/chaos",
  "post /v1/chaos",
  "patch /v1/collections/{collection}/records/{key}",
  "get /v1/collections/{collection}/records/{key}",
  "delete /v1/collections/{collection}/records/{key}",
  "post /v1/collections/{collection}/records/{key}/restore",
  "get /v1/collections/{collection}/records/{key}/history",
  "get /v1/collections/{collection}/records/{key}/escrows",
  "post /v1/collections/{collection}/records/{key}/reclaim",
  "get /v1/collections/{collection}/records",
  "post /v1/collections/{collection}/import",
  "post /v1/transactions",
  "post /v1/leases/{name}",
  "delete /v1/leases/{name}",
  "get /v1/leases/{name}",
  "put /v1/collections/{collection}",
  "get /v1/collections",
  "get /v1/operations/{operation}",
  "get /v1/conflicts",
  "post /v1/conflicts/{conflict}/restore",
  "get /v1/api-keys",
  "post /v1/api-keys",
  "delete /v1/api-keys/{apiKey}",
  "get /v1/audit",
  "get /v1/audit/head",
  "get /v1/doctor",
  "get /v1/log-level",
  "put /v1/log-level",
  "post /v1/backups",
  "get /v1/backups/{backup}/pages",
  "delete /v1/backups/{backup}",
  "get /v1/members",
  "post /v1/members",
  "post /v1/rejoin",
  "post /v1/verify",
  "get /v1/verifications",
  "get /v1/verifications/{verification}",
  "post /v1/verifications/{verification}/repair",
  "get /v1/repairs",
  "get /v1/status",
  "get /v1/subscribe",
  "get /v1/changes",
  "get /v1/cluster",
  "get /v1/cluster/history",
  "get /v1/cluster/live",
  "get /v1/leader",
  "post /v1/leader",
  "post /v1/drain",
  "delete /v1/drain",
  "get /v1/log",
  "post /v1/log/rebuild",
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
      "traceparent",
      "Prefer",
      "If-Match",
      "If-None-Match",
    ]);
  });

  it.each([
    [
      "patch /v1/collections/{collection}/records/{key}",
      "409",
      ["application/json", "application/problem+json"],
    ],
    ["patch /v1/collections/{collection}/records/{key}", "412", ["application/problem+json"]],
    ["delete /v1/collections/{collection}/records/{key}", "200", ["application/json"]],
    ["get /v1/collections/{collection}/records/{key}/escrows", "200", ["application/json"]],
    ["post /v1/collections/{collection}/records/{key}/reclaim", "409", ["application/problem+json"]],
    ["get /v1/collections/{collection}/records/{key}", "410", ["application/problem+json"]],
    ["get /readyz", "503", ["application/json"]],
  ])("has of %s with status %s the bodies %j", (route, status, mediaTypes) => {
    const [, operation] = operations().find(([name]) => name === route)!;
    expect(Object.keys(operation.responses[status]!.content!)).toEqual(mediaTypes);
  });

  it("says where a problem has a session, and where it doesn't", () => {
    const responses = document.paths["/v1/transactions"]!["post"]!.responses;
    expect(Object.keys(responses["409"]!.headers!)).toEqual(["Forebay-Session", "Idempotency-Replayed"]);
    expect(responses["400"]).not.toHaveProperty("headers");
    const reading = document.paths["/v1/collections/{collection}/records/{key}"]!["get"]!.responses;
    expect(Object.keys(reading["410"]!.headers!)).toEqual(["Forebay-Session"]);
  });

  it("says of a refused take when to come back, and of a reclaim that it is decided", () => {
    const writing = document.paths["/v1/collections/{collection}/records/{key}"]!["patch"]!.responses;
    expect(Object.keys(writing["409"]!.headers!)).toContain("Retry-After");
    const reclaim = document.paths["/v1/collections/{collection}/records/{key}/reclaim"]!["post"]!;
    expect(Object.keys(reclaim.responses["409"]!.headers!)).toEqual([
      "Forebay-Session",
      "Idempotency-Replayed",
    ]);
    expect(reclaim.parameters!.filter(({ in: place }) => place === "header").map(({ name }) => name)).toEqual(
      ["Idempotency-Key", "Forebay-Session", "Forebay-Deadline-Ms", "traceparent", "Forebay-Actor"],
    );
  });

  it("has the queries of reads, of operations and of leases", () => {
    const queries = (path: string, method: string) =>
      document.paths[path]![method]!.parameters!.filter(({ in: place }) => place === "query").map(
        ({ name }) => name,
      );
    const consistency = ["consistency", "max_staleness_ms"];
    expect(queries("/v1/collections/{collection}/records/{key}", "get")).toEqual(consistency);
    expect(queries("/v1/collections/{collection}/records", "get")).toEqual(
      expect.arrayContaining(consistency),
    );
    expect(queries("/v1/operations/{operation}", "get")).toEqual(["expires_at_ms"]);
    expect(queries("/v1/leases/{name}", "delete")).toEqual(["token"]);
    expect(queries("/v1/conflicts", "get")).toEqual([
      "collection",
      "key",
      "field",
      "reason",
      "region",
      "limit",
      "cursor",
    ]);
  });

  it("has examples of what operators send and get about verification, which are as it says", () => {
    for (const schema of [
      VerifyBody,
      RepairBody,
      VerificationListAnswer,
      VerificationAnswer,
      RepairReportAnswer,
      RepairListAnswer,
    ]) {
      const { examples = [] } = schema as { examples?: readonly unknown[] };
      expect(examples.length).toBeGreaterThan(0);
      const validator = Compile(schema);
      for (const example of examples) {
        expect(validator.Errors(example)).toEqual([]);
        expect(text).toContain(JSON.stringify(example));
      }
    }
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
