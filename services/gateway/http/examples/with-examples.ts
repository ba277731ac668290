/** Completes the API's document with examples: of every parameter, body and answer, and of one problem for each status. */
import { problemDefinition, problemType, type ProblemCode } from "../../../protocol/http/problems.ts";
import { DETAILS } from "./details.ts";
import { sampleOf, type Schema } from "./sample.ts";

export interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  /** Several, by name. */
  readonly examples?: { readonly [name: string]: { readonly value?: unknown } };
}

type Content = { readonly [mediaType: string]: Media };

export interface OpenApiOperation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content?: Content };
  readonly responses?: { readonly [status: string]: { readonly content?: Content } };
}

export interface OpenApiDocument {
  readonly paths?: { readonly [path: string]: { readonly [method: string]: OpenApiOperation } };
}

const PROBLEM_TYPE = /"urn:forebay:problem:([a-z-]+)"/;

/** A new document; what has an example keeps it. */
export function withExamples<Document extends OpenApiDocument>(document: Document): Document {
  const paths = mapValues(document.paths ?? {}, (methods) => mapValues(methods, completed));
  return { ...document, paths };
}

function completed(operation: OpenApiOperation): OpenApiOperation {
  const { parameters, requestBody, responses } = operation;
  return {
    ...operation,
    ...(parameters && {
      parameters: parameters.map((one) => ({ example: sampleOf(one.schema ?? {}, one.name), ...one })),
    }),
    ...(requestBody && {
      requestBody: { ...requestBody, content: contentWithExamples(requestBody.content) },
    }),
    ...(responses && {
      responses: mapValues(responses, (response) =>
        response.content === undefined
          ? response
          : { ...response, content: contentWithExamples(response.content) },
      ),
    }),
  };
}

function contentWithExamples(content: Content = {}): Content {
  return mapValues(content, (media, mediaType) =>
    media.examples === undefined ? { example: exampleOf(media, mediaType), ...media } : media,
  );
}

/** The first one; undefined where there is none. */
export function exampleIn({ example, examples = {} }: Media): unknown {
  return example ?? Object.values(examples)[0]?.value;
}

function exampleOf({ schema = {} }: Media, mediaType: string): unknown {
  if (mediaType !== "application/problem+json") return sampleOf(schema);
  return problemExample(PROBLEM_TYPE.exec(JSON.stringify(schema))?.[1] as ProblemCode);
}

export function problemExample(code: ProblemCode): object {
  const { title, status, retry } = problemDefinition(code);
  return { type: problemType(code), title, status, detail: DETAILS[code] ?? title.toLowerCase(), retry };
}

function mapValues<In, Out>(
  object: { readonly [name: string]: In },
  map: (value: In, name: string) => Out,
): { [name: string]: Out } {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]));
}
