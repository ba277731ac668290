/** The route of imports: many writes to a collection in one request, each answered by itself. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import {
  API_PREFIX,
  IMPORT_BYTES_MAX,
  IMPORT_MEDIA_TYPE,
  SESSION_HEADER,
} from "../../../protocol/http/headers.ts";
import { ImportAnswer, ImportBody } from "../../../protocol/http/import.ts";
import { GatewayError } from "../../errors.ts";
import type { BulkResult } from "../../gateway.ts";
import {
  CollectionName,
  ORDERED_PROBLEMS,
  RequestHeaders,
  SessionAnswerHeader,
  WRITE_PROBLEMS,
} from "../documents.ts";
import { ticketOf } from "../door.ts";
import { importAnswerText, outcomesOf, passingErrorOf } from "../import-answer.ts";
import { readImportBody } from "../import-body.ts";
import type { RouteDocument } from "../openapi.ts";
import { requestContextOf, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { retryAfterSecondsOf, problemOf } from "../problem.ts";
import type { SessionTokens } from "../session-tokens.ts";

/** Lines that cost a process about as much as a request of its own does. */
const LINES_PER_PLACE = 16;

const document: RouteDocument = {
  operationId: "importRecords",
  summary: "Write many records of a collection at once",
  description:
    "Each line is a write of its own: it takes effect, is refused, or is recognised as one that was sent before, whatever becomes of the others, and lines that the region takes alone take effect in their order. What touches an authoritative field is slower, since the log decides on each. For the rate of the tenant, 16 lines are a request. Send a body again as it was after any doubt: every line takes effect once. A refused line whose problem says `same` or `ask` is worth sending again, after a pause.",
  tag: "records",
  params: Type.Object({ collection: CollectionName }),
  headers: Type.Object(RequestHeaders),
  body: ImportBody,
  bodyMediaType: IMPORT_MEDIA_TYPE,
  answers: {
    200: {
      description: "What became of each line.",
      body: ImportAnswer,
      headers: {
        "Forebay-Session": SessionAnswerHeader,
        "Retry-After": Type.Integer({
          minimum: 1,
          description: "Present where some lines are worth sending again: when.",
        }),
      },
    },
  },
  problems: [
    ...ORDERED_PROBLEMS.filter(
      (code) => !["invalid-idempotency-key", "idempotency-key-reused"].includes(code),
    ),
    ...WRITE_PROBLEMS.filter((code) =>
      ["unknown-collection", "wal-full", "clock-skew", "rejoining", "insufficient"].includes(code),
    ),
  ],
};

export function addImportRoute(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute<{ readonly collection: string }>(app, context, {
    method: "POST",
    url: `${API_PREFIX}/collections/:collection/import`,
    document,
    access: { action: "write", of: "collection" },
    kind: "local",
    bodyBytesMax: IMPORT_BYTES_MAX,
    async handle({ headers, raw, params, query, body }, reply, asked) {
      readQuery(query, []);
      versionOf(headers, []);
      const request = requestContextOf({ headers, raw }, context);
      const lines = readImportBody(headers, body);
      const places = Math.ceil(lines.length / LINES_PER_PLACE);
      const refusal = ticketOf(raw)?.grows(places);
      if (refusal !== undefined) {
        throw new GatewayError("overloaded", "there is no room for so many lines at the moment", refusal);
      }
      // The request itself was counted at the door.
      context.rates?.spend(request.tenant, places - 1);
      const result = await gateway.writeMany({ ...request, collection: params.collection, lines });
      asked.lines = outcomesOf(result.lines);
      return answerImport(reply, result, sessionTokens);
    },
  });
}

function answerImport(reply: FastifyReply, result: BulkResult, sessionTokens: SessionTokens): string {
  const bug = result.lines.find((line) => line instanceof Error && problemOf(line).code === "internal");
  // It has to be in the log; what the other lines have met their ids tell when they are sent again.
  if (bug !== undefined) throw bug as Error;
  const passing = passingErrorOf(result.lines);
  // Where nothing was taken, and all for the same passing reason, that is what the request met.
  if (passing?.isAll === true) throw passing.error;
  if (passing !== undefined) {
    reply.header("retry-after", String(retryAfterSecondsOf(problemOf(passing.error)) ?? 1));
  }
  const session = sessionTokens.encode(result.session);
  reply.header(SESSION_HEADER, session);
  return importAnswerText(result, session);
}
