/** The route of receipts: what became of a write. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { OperationAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { operationAnswer } from "../answers.ts";
import { DeadlineRequestHeader } from "../documents.ts";
import { identityOf } from "../identity.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { deadlineMsOf } from "../request-headers.ts";
import { expiresAtMsOf, readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const OPERATION_URL = `${API_PREFIX}/operations/:operation`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const document: RouteDocument = {
  operationId: "readOperation",
  summary: "Ask what became of a write",
  description:
    "A region knows the operations that it took itself, and those of other regions once it has folded them. With expires_at_ms it also tells of an operation that it knows nothing of whether it is certainly without effect.",
  tag: "operations",
  params: Type.Object({ operation: Type.String({ format: "uuid" }) }),
  query: Type.Object({
    expires_at_ms: Type.Optional(
      Type.Integer({ minimum: 0, description: "As the problem has told it that named the operation." }),
    ),
  }),
  headers: Type.Object({ "Forebay-Deadline-Ms": DeadlineRequestHeader }),
  answers: {
    200: { description: "The receipt; or that there is none yet, or never will be.", body: OperationAnswer },
  },
  problems: ["operation-not-found", "invalid-deadline", "bootstrapping", "store-unavailable", "starting"],
};

export function addOperationRoutes(app: FastifyInstance, context: RouteContext): void {
  const { gateway } = context;
  addRoute<{ readonly operation: string }>(app, context, {
    method: "GET",
    url: OPERATION_URL,
    document,
    access: { action: "any" },
    kind: "read",
    async handle({ headers, raw, params, query }) {
      const expiresAtMs = expiresAtMsOf(readQuery(query, ["expires_at_ms"]));
      const id = params.operation.toLowerCase();
      if (!UUID.test(id)) {
        throw new ProblemError("invalid-parameter", "an operation is named by a UUID", {
          field: "operation",
        });
      }
      const { tenant } = identityOf(raw);
      const request = { tenant, id, expiresAtMs, deadlineMs: deadlineMsOf(headers) };
      return JSON.stringify(operationAnswer(await gateway.operation(request)));
    },
  });
}
