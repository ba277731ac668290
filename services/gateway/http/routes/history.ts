/** The route that tells how a record came to be what it is, from the log. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "../../../protocol/http/headers.ts";
import { HistoryAnswer } from "../../../protocol/http/history.ts";
import type { Appearance } from "../../../core/record-history.ts";
import type { RecordHistory } from "../../record-histories.ts";
import { RECORD_URL, RecordParams, type RecordNames } from "../documents.ts";
import { identityOf } from "../identity.ts";
import type { RouteDocument } from "../openapi.ts";
import { limitOf, positionOf, readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";

const document: RouteDocument = {
  operationId: "readRecordHistory",
  summary: "Read what the log has of a record",
  description:
    "Backwards through the log, a few thousand entries at a time: what was written, by whom it was decided, and what came of it. For people who look for what happened, and not for applications: each page reads the log.",
  tag: "records",
  params: RecordParams,
  query: Type.Object({
    before: Type.Optional(Type.Integer({ minimum: 1, description: "The next_before of the page before." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT })),
  }),
  answers: { 200: { description: "What was found in the stretch that was read.", body: HistoryAnswer } },
  problems: ["invalid-key", "unknown-collection", "no-quorum", "starting"],
};

export function addHistoryRoutes(app: FastifyInstance, context: RouteContext): void {
  const { gateway } = context;
  addRoute<RecordNames>(app, context, {
    method: "GET",
    url: `${RECORD_URL}/history`,
    document,
    access: { action: "read", of: "collection" },
    kind: "read",
    async handle({ raw, params, query: given }) {
      const query = readQuery(given, ["before", "limit"]);
      const { tenant } = identityOf(raw);
      const request = { tenant, ...params, before: positionOf(query, "before"), limit: limitOf(query) };
      return JSON.stringify(historyAnswer(await gateway.histories().read(request)));
    },
  });
}

function historyAnswer(history: RecordHistory): HistoryAnswer {
  const { partition, appearances, from, to, isWhole } = history;
  return {
    partition,
    looked_at: { from, to },
    entries: appearances.map((appearance) => entryAnswer(appearance, history)),
    ...(!isWhole && { next_before: from }),
  };
}

function entryAnswer(appearance: Appearance, { outcomes }: RecordHistory): HistoryAnswer["entries"][number] {
  const { position, storedAtMs, origin, kind, action, operation, changes } = appearance;
  const outcome = operation === undefined ? undefined : outcomes.get(operation);
  return {
    position,
    stored_at_ms: storedAtMs,
    region: origin,
    kind,
    action,
    ...(operation !== undefined && { operation }),
    ...(outcome !== undefined && { status: outcome.status }),
    ...(outcome?.rejection !== undefined && { reason: outcome.rejection.message }),
    changes: changes.map(({ field, operator, argument }) => ({ field, operator, argument })),
  };
}
