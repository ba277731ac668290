/** Routes of the console: the page and what it is made of. It asks this API for all that it shows. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { chooseEncoding, type ConsoleFile } from "../console-files.ts";
import { takeTicket } from "../door.ts";
import { ProblemError } from "../problem.ts";
import type { RouteContext } from "../route-context.ts";
import { sendProblem } from "../send-problem.ts";

export const CONSOLE_URL = "/console";

export interface ConsoleRouteContext extends Pick<RouteContext, "logger" | "metrics" | "sessionTokens"> {
  readonly consoleFiles: ReadonlyMap<string, ConsoleFile>;
}

const INDEX = "index.html";
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;
const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_FIRST = "no-cache";

/** Not part of the document: it is for people. HEAD comes with GET. */
export function addConsoleRoutes(app: FastifyInstance, context: ConsoleRouteContext): void {
  for (const url of [CONSOLE_URL, `${CONSOLE_URL}/*`]) {
    app.route<{ Params: { readonly "*"?: string } }>({
      method: "GET",
      url,
      schema: { hide: true },
      config: { access: { action: "none" } },
      handler: (request, reply) => {
        const ticket = takeTicket(request.raw);
        send(request, reply, context);
        ticket?.leave();
        context.metrics.answered({
          route: CONSOLE_URL,
          method: request.method,
          status: reply.statusCode,
          durationMs: 0,
        });
        return reply;
      },
    });
  }
}

function send(
  { headers, params }: FastifyRequest<{ Params: { readonly "*"?: string } }>,
  reply: FastifyReply,
  context: ConsoleRouteContext,
): void {
  const file = context.consoleFiles.get(params["*"] || INDEX);
  if (file === undefined) {
    sendProblem(reply, new ProblemError("route-not-found", missing(context)), context);
    return;
  }
  const encoding = chooseEncoding(file, headers["accept-encoding"]);
  reply
    .headers(HEADERS)
    .header("cache-control", file.isImmutable ? FOR_EVER : ASK_FIRST)
    .header("vary", "accept-encoding")
    .header("etag", file.etag)
    .type(file.mediaType);
  if (headers["if-none-match"] === file.etag) {
    reply.code(304).send();
    return;
  }
  if (encoding !== undefined) reply.header("content-encoding", encoding);
  reply.send(encoding === undefined ? file.bytes : file.encoded.get(encoding));
}

function missing({ consoleFiles }: ConsoleRouteContext): string {
  return consoleFiles.size === 0
    ? "the console was not built with this installation; `npm run build` builds it, and a restart serves it"
    : `the console has no such file; it begins at ${CONSOLE_URL}`;
}
