/** Answers a request with a problem, and logs those that are ours. */
import type { FastifyReply } from "fastify";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import type { Logger } from "../../runtime/logger.ts";
import { problemAnswer, problemOf, retryAfterSecondsOf } from "./problem.ts";

export const PROBLEM_MEDIA_TYPE = "application/problem+json; charset=utf-8";

export function sendProblem(reply: FastifyReply, error: unknown, logger: Logger): FastifyReply {
  const problem = problemOf(error);
  if (problem.code === "internal") {
    const { method, url } = reply.request;
    const stack = error instanceof Error ? error.stack : String(error);
    logger.error({ method, route: reply.request.routeOptions.url ?? url, stack }, "unforeseen error");
  }
  const answer = problemAnswer(problem);
  const retryAfterSeconds = retryAfterSecondsOf(problem);
  if (retryAfterSeconds !== undefined) reply.header("retry-after", String(retryAfterSeconds));
  if (problem.allow !== undefined) reply.header("allow", problem.allow.join(", "));
  if (problem.operation !== undefined) {
    reply.header("location", `${API_PREFIX}/operations/${problem.operation}`);
  }
  return reply.code(answer.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(answer));
}
