/** Answers a request that has changed something, whichever way in it took. */
import type { FastifyReply } from "fastify";
import { REPLAYED_HEADER, SESSION_HEADER } from "../../protocol/http/headers.ts";
import type { WriteResult } from "../gateway.ts";
import { STATUS_OF_RECEIPT, writeAnswerText } from "./answers.ts";
import { recordResult, type ShowResult } from "./results.ts";
import type { SessionTokens } from "./session-tokens.ts";

/** Sets status and headers, and returns the answer's text. */
export function answerChange(
  reply: FastifyReply,
  result: WriteResult,
  { sessionTokens, showResult }: { readonly sessionTokens: SessionTokens; readonly showResult: ShowResult },
): string {
  const session = sessionTokens.encode(result.session);
  if (result.isReplayed) reply.header(REPLAYED_HEADER, "true");
  reply.code(STATUS_OF_RECEIPT[result.status]).header(SESSION_HEADER, session);
  return writeAnswerText(result, { session, showResult });
}

/** The same for a write to one record, which the client may want to be told of only once the log has ordered it. */
export function answerWrite(
  reply: FastifyReply,
  result: WriteResult,
  {
    sessionTokens,
    waitCommitted,
  }: { readonly sessionTokens: SessionTokens; readonly waitCommitted: boolean },
): string {
  if (waitCommitted && result.status !== "accepted") reply.header("preference-applied", "wait=committed");
  return answerChange(reply, result, { sessionTokens, showResult: recordResult });
}
