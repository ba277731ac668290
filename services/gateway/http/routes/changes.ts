/** `GET /v1/changes`: the feed of changes over plain HTTP, by pages or for as long as the client stays. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { API_PREFIX, CHANGES_RETENTION_HEADER } from "../../../protocol/http/headers.ts";
import { ServerFrame } from "../../../protocol/http/feed.ts";
import { GatewayError } from "../../errors.ts";
import type { FeedMetrics } from "../../feed/metrics.ts";
import { TenantShares } from "../../feed/shares.ts";
import type { Subscription } from "../../feed/subscription.ts";
import { authorize, checkMay, type Access } from "../access.ts";
import { askedChangesOf, CHANGES_ID, ChangesQuery, type AskedChanges } from "../changes-query.ts";
import { takeTicket } from "../door.ts";
import { problemFrame } from "../feed-connection.ts";
import { FEED_MEDIA_TYPES, FeedStream, type FeedFormat } from "../feed-stream.ts";
import { LastingAccess } from "../lasting-access.ts";
import { openApiOperation, type RouteDocument } from "../openapi.ts";
import { problemOf } from "../problem.ts";
import type { RouteContext } from "../route-context.ts";
import { sendProblem } from "../send-problem.ts";

const CHANGES_URL = `${API_PREFIX}/changes`;
const STREAMS_MAX = 1_024;
const ACCESS: Access = { action: "read" };
const RETRY_AFTER_MS = 5_000;

const document: RouteDocument = {
  operationId: "readChanges",
  summary: "Follow changes of records over plain HTTP",
  description:
    "The frames of WS /v1/subscribe, as lines of JSON or, by Accept, as server-sent events, whose id is the cursor. Without `after`: the state first. A page ends once it has told what there is, or about `limit` changed records; its last frame has the cursor to go on from, and `more` where it was full. With `follow` it stays. Committed states are told once, in any region; a record that has changed several times may be told with its newest state alone. Changes are kept for a time, which header Forebay-Changes-Retention tells in seconds; a cursor from before expires.",
  tag: "records",
  query: ChangesQuery,
  headers: Type.Object({
    Accept: Type.Optional(Type.String({ description: "text/event-stream for server-sent events." })),
    "Last-Event-ID": Type.Optional(Type.String({ description: "The last cursor." })),
  }),
  answers: {
    200: {
      description: "Frames, one a line.",
      body: ServerFrame,
      mediaType: "application/x-ndjson",
      headers: { "Forebay-Changes-Retention": Type.Integer({ description: "Seconds." }) },
    },
  },
  problems: [
    "invalid-key",
    "invalid-cursor",
    "cursor-expired",
    "malformed-body",
    "unknown-collection",
    "session-behind",
    "too-many-subscriptions",
    "store-unavailable",
    "bootstrapping",
    "not-a-member",
    "starting",
  ],
};

export interface ChangesParts {
  readonly feedMetrics: FeedMetrics;
  /** Answers of the process that go on. */
  readonly streamsMax?: number | undefined;
}

export function addChangesRoute(
  app: FastifyInstance,
  context: RouteContext,
  { feedMetrics, streamsMax = STREAMS_MAX }: ChangesParts,
): void {
  const streams = new Set<FeedStream>();
  const shares = new TenantShares(streamsMax);
  let isClosing = false;
  app.addHook("preClose", (done) => {
    isClosing = true;
    for (const stream of streams) stream.end();
    done();
  });
  const schema = openApiOperation(document, ACCESS);
  app.route({
    method: "GET",
    url: CHANGES_URL,
    config: { access: ACCESS, swaggerTransform: ({ url }) => ({ schema, url }) },
    handler: async (request, reply) => {
      const startedAtMs = performance.now();
      const ticket = takeTicket(request.raw);
      // How long the client stays says nothing of how quickly it was answered.
      const begun = () => {
        ticket?.leave();
        const durationMs = performance.now() - startedAtMs;
        context.metrics.answered({ route: CHANGES_URL, method: "GET", status: reply.statusCode, durationMs });
      };
      try {
        authorize(request, ACCESS, context.authentication);
        const asked = askedChangesOf(request);
        checkMay(request.raw, "read", asked.collection);
        const leaveShare = isClosing ? undefined : shares.enter(asked.tenant);
        if (leaveShare === undefined) throw tooMany();
        const serving = { request, reply, asked, context, feedMetrics, streams, begun };
        await serve(serving).finally(leaveShare);
      } catch (error) {
        sendProblem(reply, error, context);
        begun();
      } finally {
        // Of a client that has left before anything was told no answer begins.
        ticket?.leave();
      }
      return reply;
    },
  });
}

interface Serving {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly asked: AskedChanges;
  readonly context: RouteContext;
  readonly feedMetrics: FeedMetrics;
  readonly streams: Set<FeedStream>;
  /** Once it is known how the answer begins. */
  readonly begun: () => void;
}

/** @throws what keeps the answer from being begun. */
async function serve({
  request,
  reply,
  asked,
  context,
  feedMetrics,
  streams,
  begun,
}: Serving): Promise<void> {
  const feed = context.gateway.feed();
  const stream = new FeedStream({
    response: reply.raw,
    format: asked.format,
    headers: () => {
      reply.hijack();
      begun();
      return headersOf(reply, asked.format, feed.retentionMs);
    },
    onSent: (bytes) => feedMetrics.sent({ bytes }),
  });
  streams.add(stream);
  const access = accessOf(request.raw, { context, stream, collection: asked.collection });
  let subscription: Subscription | undefined;
  try {
    subscription = await feed.open(asked, stream);
    stream.onQuiet = () => subscription?.tellPlace();
    await subscription.run();
  } catch (error) {
    if (!stream.hasBegun) throw error;
    tellProblem(stream, error, context);
  } finally {
    access.end();
    subscription?.close();
    streams.delete(stream);
    if (stream.hasBegun) feedMetrics.closed(stream.isStalled ? "slow-consumer" : "client");
    stream.end();
  }
}

/** Ends the stream, which says why, once its credential is not right any more, or lets read other collections alone. */
function accessOf(
  request: IncomingMessage,
  { context, stream, collection }: { context: RouteContext; stream: FeedStream; collection: string },
): LastingAccess {
  const endWith = (error: unknown) => {
    tellProblem(stream, error, context);
    stream.end();
  };
  const access: LastingAccess = new LastingAccess({
    request,
    access: ACCESS,
    authentication: context.authentication,
    onOver: () => endWith(new GatewayError("unauthenticated", "the credential is not right any more")),
    onChange: () => {
      try {
        access.checkRead(collection);
      } catch (error) {
        endWith(error);
      }
    },
  });
  return access;
}

function headersOf(reply: FastifyReply, format: FeedFormat, retentionMs: number): Record<string, string> {
  const set = Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]);
  return {
    ...(Object.fromEntries(set) as Record<string, string>),
    "content-type": FEED_MEDIA_TYPES[format],
    "cache-control": "no-store",
    [CHANGES_RETENTION_HEADER]: String(Math.floor(retentionMs / 1_000)),
  };
}

function tellProblem(stream: FeedStream, error: unknown, { logger }: RouteContext): void {
  if (problemOf(error).code === "internal") {
    logger.error(
      { stack: error instanceof Error ? error.stack : String(error) },
      "unforeseen error of the feed",
    );
  }
  stream.send({ text: JSON.stringify(problemFrame(error, CHANGES_ID)) });
}

function tooMany(): GatewayError {
  const message = "the process has as many followers as it may, of all or of this tenant, or is stopping";
  return new GatewayError("too-many-subscriptions", message, { retryAfterMs: RETRY_AFTER_MS });
}
