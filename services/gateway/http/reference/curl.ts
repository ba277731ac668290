/** A request of the API as a line for a shell. */
import { exampleIn } from "../examples/with-examples.ts";
import type { Operation } from "./page.ts";

/** Headers and queries that are not required are left out, but for the one that makes a retry safe. */
const SHOWN_ALWAYS = ["Idempotency-Key"];

export function curlOf({
  method,
  path,
  operation,
}: {
  method: string;
  path: string;
  operation: Operation;
}): string {
  const { parameters = [], requestBody } = operation;
  const exampleOf = (parameter: (typeof parameters)[number]) =>
    textOf((parameter as { example?: unknown }).example ?? "");
  const shown = parameters.filter(({ name, required = false }) => required || SHOWN_ALWAYS.includes(name));
  let url = path;
  for (const parameter of parameters)
    url = url.replace(`{${parameter.name}}`, encodeURIComponent(exampleOf(parameter)));
  const query = shown
    .filter((parameter) => parameter.in === "query")
    .map((parameter) => `${parameter.name}=${encodeURIComponent(exampleOf(parameter))}`);
  const headers = shown
    .filter((parameter) => parameter.in === "header")
    .map((parameter) => `-H ${quoted(`${parameter.name}: ${exampleOf(parameter)}`)}`);
  const [body] = Object.entries(requestBody?.content ?? {});
  return [
    `curl${method === "get" ? "" : ` -X ${method.toUpperCase()}`} "$FOREBAY${url}${query.length === 0 ? "" : `?${query.join("&")}`}"`,
    ...((operation.security ?? []).length === 0 ? [] : ['-H "Authorization: Bearer $FOREBAY_KEY"']),
    ...headers,
    ...(body === undefined
      ? []
      : [`-H ${quoted(`Content-Type: ${body[0]}`)}`, `--data-binary ${quoted(textOf(exampleIn(body[1])))}`]),
  ].join(" \\\n  ");
}

function textOf(example: unknown): string {
  return typeof example === "string" ? example : JSON.stringify(example ?? {});
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
