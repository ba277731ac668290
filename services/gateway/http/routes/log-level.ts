/** Routes for operators who want to see more of a process for a time. */
import type { FastifyInstance } from "fastify";
import { Compile } from "typebox/compile";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import {
  LEVELS,
  LOG_LEVEL_MS_DEFAULT,
  LogLevelAnswer,
  LogLevelBody,
} from "../../../protocol/http/log-level.ts";
import type { LevelReport, LogLevels } from "../../../runtime/log-levels.ts";
import { audited, OrderHeaders } from "../audited.ts";
import type { RouteDocument } from "../openapi.ts";
import { readQuery } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const LEVEL_URL = `${API_PREFIX}/log-level`;

const bodies = Compile(LogLevelBody);

export interface LogLevelContext extends RouteContext {
  readonly logLevels: LogLevels;
}

export function addLogLevelRoutes(app: FastifyInstance, context: LogLevelContext): void {
  addShow(app, context);
  addChange(app, context);
}

const showDocument: RouteDocument = {
  operationId: "readLogLevel",
  summary: "How much this process logs",
  tag: "region",
  answers: { 200: { description: "The level.", body: LogLevelAnswer } },
  problems: [],
};

function addShow(app: FastifyInstance, context: LogLevelContext): void {
  addRoute(app, context, {
    method: "GET",
    url: LEVEL_URL,
    document: showDocument,
    access: { action: "cluster" },
    async handle({ query }) {
      readQuery(query, []);
      return levelText(context.region, context.logLevels.read());
    },
  });
}

const changeDocument: RouteDocument = {
  operationId: "changeLogLevel",
  summary: "Have this process log more, or less, for a time",
  description: "Other processes of the region go on as they are. A restart ends it as well.",
  tag: "region",
  headers: OrderHeaders,
  body: LogLevelBody,
  answers: { 200: { description: "The level, from now on.", body: LogLevelAnswer } },
  problems: [],
};

function addChange(app: FastifyInstance, context: LogLevelContext): void {
  addRoute(app, context, {
    method: "PUT",
    url: LEVEL_URL,
    document: changeDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }) {
      readQuery(query, []);
      const right = `the body has "level" (${LEVELS.join(", ")}), and may have "for_ms"`;
      const given = readShapedBody<LogLevelBody>({ headers, body }, bodies, right);
      const { level, for_ms: forMs = LOG_LEVEL_MS_DEFAULT } = given;
      const about = { level, for_ms: forMs };
      // Whoever wants to see what is wrong with a region must be able to, whatever that is.
      const act = { request: { headers, raw }, action: "log-level", about, isUrgent: true } as const;
      const change = async () => context.logLevels.change(level, forMs);
      return levelText(context.region, await audited(context, act, change));
    },
  });
}

function levelText(region: string, { level, configured, leftMs }: LevelReport): string {
  const left = leftMs === undefined ? {} : { left_ms: Math.ceil(leftMs) };
  return JSON.stringify({ region, level, configured, ...left } satisfies LogLevelAnswer);
}
