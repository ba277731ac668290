/** Every route of the document has examples, and each is as its schema says. */
import { Compile } from "typebox/compile";
import type { TSchema } from "typebox";
import { beforeAll, describe, expect, it } from "vitest";
import {
  exampleIn,
  withExamples,
  type Media,
  type OpenApiDocument,
} from "../../../services/gateway/http/examples/with-examples.ts";
import { get } from "./requests.ts";
import { buildRig } from "./rig.ts";

type Json = { readonly [name: string]: unknown };

let document: OpenApiDocument & { readonly components: { readonly schemas: { readonly Problem: TSchema } } };

beforeAll(async () => {
  const nothing = async () => ({ status: 200, text: "{}" });
  const rig = await buildRig({ chaos: { faults: nothing, perform: nothing } });
  document = (await get(rig, "/openapi.json")).json();
});

/** What is wrong with the examples, by where they stand. */
function problemsOf({ paths = {} }: OpenApiDocument): string[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const about = `${method} ${path}`;
      const contents = Object.entries(operation.responses ?? {}).map(
        ([status, { content }]) => [status, content] as const,
      );
      const statuses = Object.keys(operation.responses ?? {});
      return [
        ...(operation.parameters ?? []).flatMap((parameter) =>
          wrong(`${about}, parameter ${parameter.name}`, parameter),
        ),
        ...mediaProblems(`${about}, body`, operation.requestBody?.content),
        ...contents.flatMap(([status, content]) => mediaProblems(`${about}, ${status}`, content)),
        ...(statuses.some((status) => status.startsWith("4") || status.startsWith("5"))
          ? []
          : [`${about}: no problem`]),
      ];
    }),
  );
}

function mediaProblems(about: string, content: object | undefined): string[] {
  return Object.entries(content ?? {}).flatMap(([type, media]) => wrong(`${about}, ${type}`, media as Json));
}

function wrong(about: string, media: { readonly schema?: unknown; readonly example?: unknown }): string[] {
  const { schema } = media;
  const example = exampleIn(media as Media);
  if (example === undefined) return [`${about}: no example`];
  const resolved = JSON.parse(
    JSON.stringify(schema ?? {}).replaceAll(
      '{"$ref":"#/components/schemas/Problem"}',
      JSON.stringify(document.components.schemas.Problem),
    ),
  ) as TSchema;
  const [error] = Compile(resolved).Errors(example);
  if (error === undefined) return [];
  return [`${about}: ${JSON.stringify(example).slice(0, 200)} ${error.instancePath} ${error.message}`];
}

describe("the examples of the document", () => {
  it("are there for every parameter, body, answer and problem, and are as their schemas say", () => {
    expect(problemsOf(document)).toEqual([]);
  });

  it("are missed where a route has none, and found where they are wrong", () => {
    const route = {
      responses: {
        200: { content: { "application/json": { schema: { type: "object", required: ["a"] } as never } } },
      },
    };
    const bare: OpenApiDocument = { paths: { "/x": { get: route } } };
    expect(problemsOf(bare)).toEqual(["get /x, 200, application/json: no example", "get /x: no problem"]);
    const media = { schema: { type: "integer" }, example: "text" };
    const planted: OpenApiDocument = {
      paths: { "/x": { get: { responses: { 400: { content: { "application/json": media } } } } } },
    };
    expect(problemsOf(planted)).toHaveLength(1);
    expect(withExamples(planted)).toEqual(planted);
  });
});
