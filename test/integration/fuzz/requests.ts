/** Requests for an operation of the API's document, and whether an answer is one that it tells of. */
import fc from "fast-check";
import { exampleIn, type Media } from "../../../services/gateway/http/examples/with-examples.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly example?: unknown;
}

type Values = { readonly [name: string]: string };

interface Told {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly [mediaType: string]: Media } };
  readonly responses: { readonly [status: string]: { readonly description: string } };
  readonly operationId: string;
}

export interface Operation extends Told {
  readonly method: string;
  readonly path: string;
}

export interface Shot {
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string | undefined;
  /** Text of the client that an answer may repeat. */
  readonly sent: string;
}

/** What would change the cluster that is asked: their right requests are left out. */
const ORDERS = ["moveLeader", "drainRegion", "rebuildLog", "changeMembers", "rejoin", "orderFault", "repair"];
/** A WebSocket, which is no request of this kind. */
const OTHERS = ["followCluster", "subscribe"];

export function operationsOf(document: unknown): Operation[] {
  const { paths } = document as { paths: { [path: string]: { [method: string]: Told } } };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { operationId }]) => !OTHERS.includes(operationId))
      .map(([method, told]) => ({ ...told, method: method.toUpperCase(), path })),
  );
}

const ODD = [
  "",
  " ",
  "0",
  "-1",
  "1e9",
  "99999999999999999999",
  "null",
  "true",
  "%",
  "..",
  "a\tb",
  "\u00e9",
  "__proto__",
  "x".repeat(600),
  "';--",
  '"47"',
  "*",
  "a,b",
];
const odd = fc.oneof(fc.constantFrom(...ODD), fc.string({ maxLength: 20 }));
/** Of header values: what HTTP can carry. */
const oddHeader = odd.map((text) => text.replaceAll(/[^\x20-\x7e]/g, "?"));

export function requestOf(operation: Operation): fc.Arbitrary<Shot> {
  const { parameters = [], requestBody, path, operationId } = operation;
  const isOrder = ORDERS.includes(operationId);
  const valuesOf = (place: string, broken: fc.Arbitrary<string>): fc.Arbitrary<Values> =>
    fc.record<{ [name: string]: string }>(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === place)
          .map(({ name, example }) => [name, oftenOf(String(example), broken)]),
      ),
      // Left out rather than undefined.
      place === "path" ? {} : { requiredKeys: [] },
    ) as fc.Arbitrary<Values>;
  const [mediaType, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  const stray = fc.option(fc.tuple(fc.constantFrom("limt", "x", "__proto__"), odd), {
    nil: undefined,
    freq: 6,
  });
  const body =
    media === undefined
      ? fc.constantFrom(undefined, undefined, "{}", "x")
      : bodyOf(exampleIn(media), isOrder);
  const type = oftenOf(
    mediaType ?? "application/json",
    fc.constantFrom("text/plain", "application/json; charset=utf-8", "x"),
  );
  return fc
    .tuple(valuesOf("path", odd), valuesOf("query", odd), valuesOf("header", oddHeader), stray, body, type)
    .map(([places, query, headers, more, text, contentType]) => {
      const hasBody = text !== undefined && operation.method !== "GET";
      const named = Object.entries(query).concat(
        more === undefined && !(isOrder && !hasBody) ? [] : [more ?? ["limt", "1"]],
      );
      return {
        path: pathOf(path, places) + (named.length === 0 ? "" : `?${new URLSearchParams(named).toString()}`),
        headers: {
          "forebay-deadline-ms": "3000",
          ...headersOf(headers),
          ...(hasBody && { "content-type": contentType }),
        },
        body: hasBody ? text : undefined,
        sent: text ?? " ",
      };
    });
}

function oftenOf(right: string, broken: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: broken });
}

/** A text that no URL can carry is one that a client has encoded. */
function pathOf(path: string, values: { readonly [name: string]: string }): string {
  return Object.entries(values).reduce((text, [name, value]) => {
    const isDots = value === "" || /^\.{1,2}$/.test(value);
    return text.replace(`{${name}}`, () => encodeURIComponent(isDots ? "x" : value.toWellFormed()));
  }, path);
}

function headersOf(headers: { readonly [name: string]: string }): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
  );
}

/** @param isBroken never the example itself. */
function bodyOf(example: unknown, isBroken: boolean): fc.Arbitrary<string> {
  const text = typeof example === "string" ? example : JSON.stringify(example);
  const nonsense = fc.oneof(
    fc.constantFrom("", "{", "[]", "null", '{"__proto__":{}}', "[".repeat(3_000), "\u0000"),
    fc.json(),
  );
  if (isBroken) return nonsense.map((one) => `${one}]`);
  const cut = fc.nat(text.length).map((length) => text.slice(0, length));
  const mutated = fc
    .tuple(fc.nat(50), fc.jsonValue({ maxDepth: 2 }))
    .map(([at, value]) => mutate(text, at, value));
  return fc.oneof(fc.constant(text), cut, mutated, nonsense);
}

/** Puts another value in place of one of the JSON's own; text that is no JSON stays as it is. */
function mutate(text: string, at: number, value: unknown): string {
  try {
    let seen = -1;
    return JSON.stringify(JSON.parse(text, (_, own: unknown) => ((seen += 1) === at ? value : own)));
  } catch {
    return text.replace(/"[^"]+":/, `"x${at}":`);
  }
}

/** What is wrong with an answer, by the document. */
export function documented(
  { responses }: Operation,
  { status, type, text }: { readonly status: number; readonly type: string | null; readonly text: string },
): string[] {
  if (status === 500) return ["is a bug"];
  const told = responses[String(status)];
  if (told === undefined) return ["its status is not documented"];
  if (status < 400) return [];
  const code = /"urn:forebay:problem:([a-z-]+)"/.exec(text)?.[1];
  if (type?.startsWith("application/problem+json") !== true) {
    // Some statuses are answers as well.
    return told.description.startsWith("- ") ? ["it is no problem"] : [];
  }
  if (code === undefined) return ["it has no code"];
  return told.description.includes(`\`${code}\``) ? [] : [`code ${code} is not documented`];
}
