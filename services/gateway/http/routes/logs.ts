/** Routes for operators whose log has failed: what each region has of it, and making it anew. */
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import { LogAnswer, RebuildLogBody } from "../../../protocol/http/log.ts";
import { audited, OrderHeaders } from "../audited.ts";
import { logAnswer } from "../log-answers.ts";
import type { RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const LOG_URL = `${API_PREFIX}/log`;

const rebuildBodies = Compile(RebuildLogBody);

export function addLogRoutes(app: FastifyInstance, context: RouteContext): void {
  addShow(app, context);
  addRebuild(app, context);
}

const showDocument: RouteDocument = {
  operationId: "readLog",
  summary: "What each region has of the log, and what making it anew would do",
  tag: "region",
  answers: { 200: { description: "Partition by partition.", body: LogAnswer } },
  problems: ["store-unavailable", "starting"],
};

function addShow(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "GET",
    url: LOG_URL,
    document: showDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return JSON.stringify(logAnswer(await context.gateway.logKeeping().logs()));
    },
  });
}

const rebuildDocument: RouteDocument = {
  operationId: "rebuildLog",
  summary: "Make a log anew that has failed, or say what that would do",
  description:
    "Positions go on from what the furthest region has folded. Each region proposes again what of its own local operations the new log lacks; what the log had to decide on is not proposed again. The old log is deleted. The same order again goes on where an earlier one has stopped.",
  tag: "region",
  headers: OrderHeaders,
  body: RebuildLogBody,
  answers: { 200: { description: "What was, or would be, done.", body: LogAnswer } },
  problems: [
    "log-healthy",
    "rebuild-refused",
    "not-supported-yet",
    "no-quorum",
    "outcome-unknown",
    "store-unavailable",
    "starting",
  ],
};

function addRebuild(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: `${LOG_URL}/rebuild`,
    document: rebuildDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const given = readShapedBody<RebuildLogBody>(
        { headers, body },
        rebuildBodies,
        'the body is {}, and may have "partition", "dry_run", "without" (a list of regions), "from" (a region) and "force"',
      );
      const { partition, dry_run: isDryRun = true, without = [], from, force: isForced = false } = given;
      const request = { partition, isDryRun, without, from, isForced };
      const keeping = context.gateway.logKeeping();
      if (isDryRun) return JSON.stringify(logAnswer(await keeping.rebuildLogs(request)));
      const about = { partition, without, from, force: isForced };
      // Without a log nothing goes on: it is made anew also where the trail can't be written.
      const act = { request: { headers, raw }, action: "log-rebuild", about, isUrgent: true } as const;
      return JSON.stringify(logAnswer(await audited(context, act, () => keeping.rebuildLogs(request))));
    },
  });
}
