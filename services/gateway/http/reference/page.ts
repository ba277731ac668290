/** The reference of the API as one page of HTML, made of its document: no script, nothing from elsewhere. */
import { exampleIn, type Media, type OpenApiOperation } from "../examples/with-examples.ts";
import { curlOf } from "./curl.ts";
import { escaped, inline, prose } from "./html.ts";
import { STYLE } from "./style.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: {
    readonly type?: string | readonly string[];
    readonly enum?: readonly unknown[];
    readonly default?: unknown;
  };
}

export interface Operation extends OpenApiOperation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  /** Empty or absent where everybody may. */
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: { readonly [mediaType: string]: Media } };
  readonly responses?: {
    readonly [status: string]: {
      readonly description?: string;
      readonly content?: { readonly [mediaType: string]: Media };
    };
  };
}

export interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } };
}

interface Placed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function referencePage(document: Document): string {
  const { info, tags = [] } = document;
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Placed => ({ method, path, operation })),
  );
  const groups = tags.map((tag) => ({
    ...tag,
    of: all.filter(({ operation }) => operation.tags?.includes(tag.name)),
  }));
  const [about = "", ...more] = (info.description ?? "").split("\n\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)} API reference</title><style>${STYLE}</style></head>
<body><div class="page">
<nav aria-label="Contents"><a class="home" href="#top">${escaped(info.title)} API</a><details open><summary>Contents</summary>
${groups.map(contentsOf).join("\n")}
<h2>More</h2><ul><li><a href="#problems">Problems</a></li><li><a href="/openapi.json">openapi.json</a></li><li><a href="/console">Console</a></li></ul></details></nav>
<main id="top"><h1>${escaped(info.title)} API</h1><p class="lead">${inline(about)}</p>
<p class="lead">Version ${escaped(info.version)}. Lines with <code>curl</code> work as they stand where <code>$FOREBAY</code> is a region's address and <code>$FOREBAY_KEY</code> an API key.</p>
${groups.map(sectionOf).join("\n")}
<section id="problems"><h2>Problems</h2>${prose(more.join("\n\n"))}</section>
</main></div></body></html>
`;
}

function contentsOf({ name, of }: { name: string; of: readonly Placed[] }): string {
  const items = of.map(
    ({ operation: { operationId, summary = operationId } }) =>
      `<li><a href="#${operationId}">${inline(summary)}</a></li>`,
  );
  return `<h2>${escaped(name)}</h2><ul>${items.join("")}</ul>`;
}

function sectionOf({
  name,
  description = "",
  of,
}: {
  name: string;
  description?: string;
  of: readonly Placed[];
}): string {
  return `<section id="tag-${escaped(name)}"><h2>${escaped(name)}</h2><p class="lead">${inline(description)}</p>${of.map(articleOf).join("\n")}</section>`;
}

function articleOf(placed: Placed): string {
  const { method, path, operation } = placed;
  const {
    operationId,
    summary = operationId,
    description,
    parameters = [],
    requestBody,
    responses = {},
  } = operation;
  return `<article id="${operationId}"><h3><a href="#${operationId}">${inline(summary)}</a></h3>
<div class="route"><span class="method ${method}">${method}</span>${escaped(path)}</div>
${description === undefined ? "" : prose(description)}
${parameters.length === 0 ? "" : `<h4>Parameters and headers</h4><dl>${parameters.map(parameterOf).join("")}</dl>`}
${requestBody === undefined ? "" : bodyOf(requestBody)}
<h4>Try it</h4><pre><code>${escaped(curlOf(placed))}</code></pre>
<h4>Answers</h4>${Object.entries(responses).map(answerOf).join("")}
</article>`;
}

function parameterOf({
  name,
  in: place,
  required = false,
  description = "",
  schema = {},
}: Parameter): string {
  const { type, enum: values, default: byDefault } = schema;
  const kind =
    values === undefined
      ? [type].flat().join(" or ")
      : values.map((value) => `<code>${escaped(String(value))}</code>`).join(", ");
  const facts = [
    place,
    ...(required ? ["required"] : []),
    ...(byDefault === undefined ? [] : [`default ${escaped(JSON.stringify(byDefault))}`]),
  ];
  return `<div><dt><code>${escaped(name)}</code><small>${facts.join(", ")}</small></dt><dd>${prose(description)}${kind === "" ? "" : `<small>${kind}</small>`}</dd></div>`;
}

function bodyOf({ content = {} }: NonNullable<Operation["requestBody"]>): string {
  return Object.entries(content)
    .map(
      ([mediaType, media]) =>
        `<h4>Body <code>${escaped(mediaType)}</code></h4>${describedBy(media)}${shown(exampleIn(media))}`,
    )
    .join("");
}

function describedBy({ schema }: Media): string {
  const { description } = (schema ?? {}) as { description?: string };
  return description === undefined ? "" : prose(description);
}

function answerOf([status, { description = "", content = {} }]: [
  string,
  NonNullable<Operation["responses"]>[string],
]): string {
  const examples = Object.entries(content).map(([, media]) => shown(exampleIn(media)));
  const [first = "", ...rest] = description.split("\n");
  const isList = first.startsWith("- ");
  const what = isList ? codesIn(description) : inline(first);
  const more = isList ? description : rest.join("\n");
  return `<details${status.startsWith("2") ? " open" : ""}><summary><span class="status">${status}</span> <span class="what">${what}</span></summary>${prose(more)}${examples.join("")}</details>`;
}

/** Of a list of problems, their codes. */
function codesIn(description: string): string {
  return [...description.matchAll(/^- `([a-z-]+)`/gm)].map(([, code]) => escaped(code!)).join(", ");
}

function shown(example: unknown): string {
  if (example === undefined) return "";
  return `<pre><code>${escaped(typeof example === "string" ? example : JSON.stringify(example, undefined, 2))}</code></pre>`;
}
