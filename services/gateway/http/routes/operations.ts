/** The route of receipts: what became of a write. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { ReceiptAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { receiptAnswer } from "../answers.ts";
import type { RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const OPERATION_URL = `${API_PREFIX}/operations/:operation`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const document: RouteDocument = {
  operationId: "readOperation",
  summary: "Ask what became of a write",
  description:
    "A region knows the operations that it took itself, and those of other regions once it has folded them.",
  tag: "operations",
  params: Type.Object({ operation: Type.String({ format: "uuid" }) }),
  answers: { 200: { description: "The receipt.", body: ReceiptAnswer } },
  problems: ["operation-not-found", "store-unavailable", "starting"],
};

export function addOperationRoutes(app: FastifyInstance, context: RouteContext): void {
  const { gateway, tenant } = context;
  addRoute<{ readonly operation: string }>(app, context, {
    method: "GET",
    url: OPERATION_URL,
    document,
    async handle({ params, query }) {
      readQuery(query, []);
      const id = params.operation.toLowerCase();
      if (!UUID.test(id)) {
        throw new ProblemError("invalid-parameter", "an operation is named by a UUID", {
          field: "operation",
        });
      }
      return JSON.stringify(receiptAnswer(await gateway.operation({ tenant, id })));
    },
  });
}
