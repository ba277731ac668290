/** The route of transactions: writes of several records, all or none. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { parseTransaction } from "../../../core/accept/transaction.ts";
import { TransactionAnswer } from "../../../protocol/http/answers.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { TransactionBody } from "../../../protocol/http/write-body.ts";
import { checkMay } from "../access.ts";
import { answerChange } from "../change-answer.ts";
import { ChangeAnswerHeaders, ChangeHeaders, ORDERED_PROBLEMS } from "../documents.ts";
import { readJsonBody } from "../json-body.ts";
import type { RouteDocument } from "../openapi.ts";
import { changeContextOf, versionOf } from "../request-headers.ts";
import { readQuery } from "../request-query.ts";
import { transactionResult } from "../results.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const TRANSACTIONS_URL = `${API_PREFIX}/transactions`;

const document: RouteDocument = {
  operationId: "transact",
  summary: "Write several records, all or none",
  description:
    "The log decides on all writes at once, whatever fields they touch. Conditions are in the body alone, each with its write.",
  tag: "transactions",
  headers: Type.Object(ChangeHeaders),
  body: TransactionBody,
  answers: {
    200: {
      description: "All writes have taken effect.",
      body: TransactionAnswer,
      headers: ChangeAnswerHeaders,
    },
  },
  problems: [
    ...ORDERED_PROBLEMS,
    "invalid-key",
    "unknown-collection",
    "unknown-operator",
    "unknown-field",
    "wrong-operator",
    "wrong-type",
    "deprecated-field",
    "unstorable-value",
    "empty-write",
    "too-many-changes",
    "too-many-writes",
    "record-repeated",
    "take-is-local",
    "across-partitions",
    "precondition-failed",
    "not-unique",
    "immutable-field",
    "transition-refused",
    "out-of-bounds",
    "stale-fence",
    "deleted",
    "not-deleted",
    "record-missing",
    "schema-changed",
  ],
};

export function addTransactionRoutes(app: FastifyInstance, context: RouteContext): void {
  const { gateway, sessionTokens } = context;
  addRoute(app, context, {
    method: "POST",
    url: TRANSACTIONS_URL,
    document,
    access: { action: "write" },
    kind: "decided",
    async handle({ headers, raw, query, body }, reply) {
      readQuery(query, []);
      versionOf(headers, []);
      const transaction = readJsonBody(headers, body);
      for (const { collection } of parseTransaction(transaction).parts) checkMay(raw, "write", collection);
      const result = await gateway.transact({
        ...changeContextOf({ headers, raw }, context),
        body: transaction,
      });
      return answerChange(reply, result, { sessionTokens, showResult: transactionResult });
    },
  });
}
