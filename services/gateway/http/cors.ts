/**
 * Which pages of other sites may use the API (CORS). By hand, in front of the door: a browser shows a page nothing of an
 * answer without these headers, and a page must see why it was refused.
 */
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { ACTOR_HEADER } from "../../protocol/http/audit.ts";
import {
  CHANGES_RETENTION_HEADER,
  DEADLINE_HEADER,
  IDEMPOTENCY_KEY_HEADER,
  REPLAYED_HEADER,
  SESSION_HEADER,
} from "../../protocol/http/headers.ts";

const METHODS = "GET, HEAD, PUT, PATCH, POST, DELETE";
const TAKEN = [
  "authorization",
  "content-type",
  "if-match",
  "if-none-match",
  "last-event-id",
  "prefer",
  "traceparent",
  ACTOR_HEADER,
  DEADLINE_HEADER,
  IDEMPOTENCY_KEY_HEADER,
  SESSION_HEADER,
].join(", ");
const SHOWN = [
  "etag",
  CHANGES_RETENTION_HEADER,
  "location",
  "preference-applied",
  "retry-after",
  "www-authenticate",
  REPLAYED_HEADER,
  SESSION_HEADER,
].join(", ");
const MAX_AGE_SECONDS = "600";

export type CorsAnswer =
  | { readonly isPreflight: boolean; readonly headers: { readonly [name: string]: string } }
  /** Of no page that may: answered as to any other client, which a browser keeps from the page. */
  | undefined;

/** What is said to a page of the origin. Credentials of the browser's own, such as cookies, are never taken. */
export function corsAnswer(
  origins: readonly string[],
  method: string | undefined,
  headers: IncomingHttpHeaders,
): CorsAnswer {
  const { origin } = headers;
  if (origin === undefined || !(origins.includes(origin) || origins.includes("*"))) return undefined;
  const isPreflight = method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
  const allow = { "access-control-allow-origin": origin, vary: "origin" };
  if (!isPreflight) return { isPreflight, headers: { ...allow, "access-control-expose-headers": SHOWN } };
  return {
    isPreflight,
    headers: {
      ...allow,
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": TAKEN,
      "access-control-max-age": MAX_AGE_SECONDS,
    },
  };
}

/** The listener itself where no page of another site may ask. */
export function withCors(origins: readonly string[], listener: RequestListener): RequestListener {
  if (origins.length === 0) return listener;
  return (request: IncomingMessage, response: ServerResponse & { req: IncomingMessage }) => {
    const answer = corsAnswer(origins, request.method, request.headers);
    for (const [name, value] of Object.entries(answer?.headers ?? {})) response.setHeader(name, value);
    if (answer?.isPreflight === true) response.writeHead(204).end();
    else listener(request, response);
  };
}
