/** The route of the reference: the API's document as a page for people. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { withExamples, type OpenApiDocument } from "../examples/with-examples.ts";
import { referencePage, type Document } from "../reference/page.ts";
import { STYLE } from "../reference/style.ts";
import { takeTicket } from "../door.ts";
import type { RouteContext } from "../route-context.ts";

export const REFERENCE_URL = "/reference";

/** The page has one style sheet, which stands in it, and loads nothing. */
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
  vary: "accept-encoding",
} as const;

/** Not part of the document, as the console is not. */
export function addReferenceRoute(app: FastifyInstance, { metrics }: Pick<RouteContext, "metrics">): void {
  let page: { readonly text: string; readonly compressed: Buffer } | undefined;
  app.route({
    method: "GET",
    url: REFERENCE_URL,
    schema: { hide: true },
    config: { access: { action: "none" } },
    handler: (request, reply) => {
      const ticket = takeTicket(request.raw);
      page ??= makePage(app);
      const isCompressed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
      reply.headers(HEADERS);
      if (isCompressed) reply.header("content-encoding", "gzip");
      reply.send(isCompressed ? page.compressed : page.text);
      ticket?.leave();
      metrics.answered({
        route: REFERENCE_URL,
        method: request.method,
        status: reply.statusCode,
        durationMs: 0,
      });
      return reply;
    },
  });
}

function makePage(app: FastifyInstance) {
  const text = referencePage(withExamples(app.swagger() as OpenApiDocument) as unknown as Document);
  return { text, compressed: gzipSync(text) };
}
