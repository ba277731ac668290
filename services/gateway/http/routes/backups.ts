/** Routes by which a backup is taken: opened at one position of the log, and read page by page. */
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { STATE_PARTS, type StatePart } from "../../../core/state-parts.ts";
import { isStorableText } from "../../../core/json.ts";
import {
  BackupAnswer,
  BackupBody,
  PAGE_NEXT_HEADER,
  PAGE_ROWS_HEADER,
} from "../../../protocol/http/backups.ts";
import { API_PREFIX } from "../../../protocol/http/headers.ts";
import type { ProblemCode } from "../../../protocol/http/problems.ts";
import type { Ending } from "../../../runtime/auditor.ts";
import type { OpenBackup } from "../../backups.ts";
import { audited, OrderHeaders } from "../audited.ts";
import { refuseBody } from "../json-body.ts";
import { BODY_PROBLEMS, type RouteDocument } from "../openapi.ts";
import { ProblemError } from "../problem.ts";
import { readQuery, type Query } from "../request-query.ts";
import { addRoute, type RouteContext } from "../route-context.ts";
import { readShapedBody } from "../shaped-body.ts";

const BACKUPS_URL = `${API_PREFIX}/backups`;
const NDJSON_MEDIA_TYPE = "application/x-ndjson";
/** Reading waits like other reads; orders don't. */
const READING: readonly ProblemCode[] = ["overloaded", "memory-short"];

const bodies = Compile(BackupBody);
const BackupParams = Type.Object({ backup: Type.String({ format: "uuid" }) });

export function addBackupRoutes(app: FastifyInstance, context: RouteContext): void {
  addOpen(app, context);
  addPage(app, context);
  addClose(app, context);
}

const openDocument: RouteDocument = {
  operationId: "openBackup",
  summary: "Hold a partition's committed state still, to be read page by page",
  description:
    "All that is read of it is of one position of the log, while writes go on. Writes that the log has not ordered yet are not in it. This process keeps it until it is closed, or nobody has asked for it for two minutes.",
  tag: "backup",
  headers: OrderHeaders,
  body: BackupBody,
  answers: { 201: { description: "What there is to read.", body: BackupAnswer } },
  problems: ["too-many-backups", "bootstrapping", "not-a-member", "store-unavailable", "starting"],
};

function addOpen(app: FastifyInstance, context: RouteContext): void {
  addRoute(app, context, {
    method: "POST",
    url: BACKUPS_URL,
    document: openDocument,
    access: { action: "cluster" },
    async handle({ headers, raw, query, body }, reply) {
      readQuery(query, []);
      const { partition } = readShapedBody<BackupBody>(
        { headers, body },
        bodies,
        'the body is {"partition":0}',
      );
      const backups = context.gateway.backups();
      const ended = ({ id, head }: OpenBackup): Ending => {
        return { outcome: "done", about: { backup: id, position: head.state.position } };
      };
      const act = {
        request: { headers, raw },
        action: "backup",
        about: { partition },
        ended,
        isUrgent: true,
      } as const;
      const opened = await audited(context, act, () => backups.open(partition));
      reply.code(201).header("location", `${BACKUPS_URL}/${opened.id}`);
      return JSON.stringify(backupAnswer(context.region, opened));
    },
  });
}

function backupAnswer(region: string, { id, partition, takenAtMs, head }: OpenBackup): BackupAnswer {
  return {
    backup: id,
    region,
    partition,
    position: head.state.position,
    taken_at_ms: takenAtMs,
    rows: head.counts,
    head: { ...head },
  };
}

const pageDocument: RouteDocument = {
  operationId: "readBackupPage",
  summary: "Read a page of a backup",
  tag: "backup",
  params: BackupParams,
  query: Type.Object({
    part: Type.Enum([...STATE_PARTS]),
    after: Type.Optional(
      Type.String({
        description: `What ${PAGE_NEXT_HEADER} of the page before says; absent for the first page.`,
      }),
    ),
  }),
  answers: {
    200: {
      description: "A row on each line, in the order of their names. Empty where there is none.",
      body: Type.String(),
      mediaType: NDJSON_MEDIA_TYPE,
      headers: {
        [PAGE_ROWS_HEADER]: Type.Integer({ description: "How many rows the page has." }),
        [PAGE_NEXT_HEADER]: Type.String({
          description: "Percent-encoded; absent on the last page of the part.",
        }),
      },
    },
  },
  problems: [...READING, "backup-not-found", "store-unavailable", "starting"],
};

function addPage(app: FastifyInstance, context: RouteContext): void {
  addRoute<{ readonly backup: string }>(app, context, {
    method: "GET",
    url: `${BACKUPS_URL}/:backup/pages`,
    document: pageDocument,
    access: { action: "cluster" },
    mediaType: NDJSON_MEDIA_TYPE,
    async handle({ params, query: given }, reply) {
      const query = readQuery(given, ["part", "after"]);
      const request = { backup: params.backup, part: partOf(query), after: afterOf(query) };
      const { rows, lines, next } = await context.gateway.backups().page(request);
      reply.header(PAGE_ROWS_HEADER, String(rows));
      if (next !== undefined) reply.header(PAGE_NEXT_HEADER, encodeURIComponent(next));
      return Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString("utf8");
    },
  });
}

const closeDocument: RouteDocument = {
  operationId: "closeBackup",
  summary: "Let go of a backup that has been read",
  tag: "backup",
  params: BackupParams,
  answers: { 204: { description: "It is closed, or was." } },
  problems: [...BODY_PROBLEMS, "starting"],
};

function addClose(app: FastifyInstance, context: RouteContext): void {
  addRoute<{ readonly backup: string }>(app, context, {
    method: "DELETE",
    url: `${BACKUPS_URL}/:backup`,
    document: closeDocument,
    access: { action: "cluster" },
    async handle({ params, query, headers, body }, reply) {
      readQuery(query, []);
      refuseBody(headers, body);
      await context.gateway.backups().close(params.backup);
      reply.code(204);
      return "";
    },
  });
}

/** @throws {ProblemError} invalid-parameter. */
function partOf({ part }: Query): StatePart {
  const found = STATE_PARTS.find((one) => one === part);
  if (found !== undefined) return found;
  throw new ProblemError("invalid-parameter", `part is one of ${STATE_PARTS.join(", ")}`, { field: "part" });
}

/** @throws {ProblemError} invalid-parameter. */
function afterOf({ after }: Query): string | undefined {
  if (after === undefined || isStorableText(after)) return after;
  const message = `after is what ${PAGE_NEXT_HEADER} of the page before says`;
  throw new ProblemError("invalid-parameter", message, { field: "after" });
}
