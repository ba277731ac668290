/** Answers a request with a problem, and logs those that are ours. */
import type { FastifyReply } from "fastify";
import { readTraceparent } from "../../core/trace.ts";
import { REPLAYED_HEADER, SESSION_HEADER } from "../../protocol/http/headers.ts";
import type { Logger } from "../../runtime/logger.ts";
import { operationUrlOf, problemAnswer, problemOf, retryAfterSecondsOf, type Problem } from "./problem.ts";
import type { SessionTokens } from "./session-tokens.ts";

export const PROBLEM_MEDIA_TYPE = "application/problem+json; charset=utf-8";

export function sendProblem(
  reply: FastifyReply,
  error: unknown,
  { logger, sessionTokens }: { readonly logger: Logger; readonly sessionTokens: SessionTokens },
): FastifyReply {
  const bodyBytesMax = reply.request.routeOptions.bodyLimit;
  const problem = problemOf(error, bodyBytesMax === undefined ? {} : { bodyBytesMax });
  if (problem.code === "internal") {
    const { method, url } = reply.request;
    const stack = error instanceof Error ? error.stack : String(error);
    const traceparent = readTraceparent(reply.request.headers["traceparent"]);
    const trace = traceparent === undefined ? {} : { traceparent };
    const route = reply.request.routeOptions.url ?? url;
    logger.error({ method, route, ...trace, stack }, "unforeseen error");
  }
  const answer = problemAnswer(problem);
  const retryAfterSeconds = retryAfterSecondsOf(problem);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  const challenge = challengeOf(problem, reply.request.headers.authorization !== undefined);
  if (challenge !== undefined) reply.header("www-authenticate", challenge);
  if (problem.allow !== undefined) reply.header("allow", problem.allow.join(", "));
  const operationUrl = operationUrlOf(problem);
  if (operationUrl !== undefined) reply.header("location", operationUrl);
  if (problem.session !== undefined) reply.header(SESSION_HEADER, sessionTokens.encode(problem.session));
  if (problem.isReplayed === true) reply.header(REPLAYED_HEADER, "true");
  return reply.code(answer.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(answer));
}

/** By RFC 6750. */
export function challengeOf(
  { code, scope }: Pick<Problem, "code" | "scope">,
  isGiven: boolean,
): string | undefined {
  const realm = 'Bearer realm="forebay"';
  if (code === "unauthenticated") return isGiven ? `${realm}, error="invalid_token"` : realm;
  if (code !== "forbidden" || scope === undefined) return undefined;
  return `${realm}, error="insufficient_scope", scope="${scope}"`;
}
