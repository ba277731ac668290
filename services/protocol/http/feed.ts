/**
 * Changes as they come to clients: over `WS /v1/subscribe`, and the same frames over `GET /v1/changes` as lines of JSON or
 * as server-sent events.
 *
 *   subscribe without cursor   state frames, the last one `complete` → changes frames, for as long as it lasts
 *   subscribe with a cursor    changes frames from there on, in any region
 *
 * What is promised. **Committed states**: each change frame has its cursor, which covers all that was told up to and with
 * that frame; whoever goes on from it, here or in another region, misses no record's newest committed state and is told
 * no committed state twice. A reader that is behind may be spared states in between: of a record it gets the newest.
 * Changes of one partition come in the order of the log. **Pending states** are of the region that tells them, and go no
 * further than the connection: after a reconnect what is still pending is told anew, by its version the same as before. What
 * comes to nothing changes no committed state: on the connection the record is told once more; over a reconnect its client
 * names it as `unsettled`.
 */
import { Type, type Static } from "typebox";

const Id = Type.String({
  minLength: 1,
  maxLength: 64,
  description: "Names the subscription on its connection; the client's choice.",
});
/** Whoever has more pending records than that begins anew. */
export const UNSETTLED_KEYS_MAX = 256;
const Cursor = Type.String({
  maxLength: 4_096,
  description: "Where to go on, in any region. Opaque, and valid for the feed's retention.",
});

/** What a subscription is of: one record, the records whose keys begin with a prefix, or a whole collection. */
export const SubscribeFrame = Type.Object(
  {
    type: Type.Literal("subscribe"),
    id: Id,
    collection: Type.String(),
    key: Type.Optional(Type.String()),
    prefix: Type.Optional(Type.String()),
    cursor: Type.Optional(Cursor),
    pending: Type.Optional(
      Type.Boolean({
        default: true,
        description: "Whether states that the log has not ordered are told, too.",
      }),
    ),
    unsettled: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: UNSETTLED_KEYS_MAX,
        description:
          "With a cursor: keys of records whose last told state was pending. They are told as they are, also where what was pending came to nothing.",
      }),
    ),
  },
  { additionalProperties: false },
);

export const UnsubscribeFrame = Type.Object(
  { type: Type.Literal("unsubscribe"), id: Id },
  { additionalProperties: false },
);

/** Renews the credential of the connection before it expires. */
export const AuthenticateFrame = Type.Object(
  { type: Type.Literal("authenticate"), token: Type.String() },
  { additionalProperties: false },
);

export const ClientFrame = Type.Union([SubscribeFrame, UnsubscribeFrame, AuthenticateFrame]);

/** A record as it is now. `pending` is how many of the region's own operations in it the log has not ordered: 0 is committed. */
export const RecordState = Type.Object({
  collection: Type.String(),
  key: Type.String(),
  /** Absent where it is deleted or has expired. */
  fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  deleted: Type.Optional(Type.Literal(true)),
  version: Type.String({ description: "As of a read: changes whenever the view does." }),
  pending: Type.Integer({ minimum: 0 }),
  /** Where the log committed what of it is committed; absent where nothing is. */
  position: Type.Optional(
    Type.Object({ partition: Type.Integer({ minimum: 0 }), sequence: Type.Integer({ minimum: 0 }) }),
  ),
});

/** Part of what there is when the subscription begins. `cursor` comes with the last one; a beginning that breaks off begins anew. */
export const StateFrame = Type.Object({
  type: Type.Literal("state"),
  id: Id,
  records: Type.Array(RecordState),
  complete: Type.Optional(Type.Literal(true)),
  cursor: Type.Optional(Cursor),
});

/** `records` may be empty: then the cursor alone has moved on. */
export const ChangesFrame = Type.Object({
  type: Type.Literal("changes"),
  id: Id,
  records: Type.Array(RecordState),
  cursor: Cursor,
  more: Type.Optional(
    Type.Literal(true, { description: "Of a page's last frame: it was full, and more is there already." }),
  ),
});

/** The subscription, or without id what the client has sent, is refused; the connection stays. `problem` as over HTTP. */
export const ProblemFrame = Type.Object({
  type: Type.Literal("problem"),
  id: Type.Optional(Id),
  problem: Type.Object({
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    retry: Type.Optional(Type.String()),
  }),
});

/** Nothing has happened; the connection lives. Sent after 15 s without another frame. */
export const HeartbeatFrame = Type.Object({ type: Type.Literal("heartbeat") });

export const ServerFrame = Type.Union([StateFrame, ChangesFrame, ProblemFrame, HeartbeatFrame]);

export type SubscribeFrame = Static<typeof SubscribeFrame>;
export type ClientFrame = Static<typeof ClientFrame>;
export type RecordState = Static<typeof RecordState>;
export type StateFrame = Static<typeof StateFrame>;
export type ChangesFrame = Static<typeof ChangesFrame>;
export type ProblemFrame = Static<typeof ProblemFrame>;
export type ServerFrame = Static<typeof ServerFrame>;

/** Subprotocols that a client offers: the first is the one that is taken, the second carries the credential of a browser, which can't set headers. */
export const FEED_SUBPROTOCOL = "forebay.v1";
export const FEED_TOKEN_SUBPROTOCOL_PREFIX = "forebay.bearer.";

/** Why a connection was closed, and so what its client does: go on from the last cursor, unless it says otherwise. */
export const FEED_CLOSE_CODES = {
  /** The process stops: go on in another region, or here in a moment. */
  goingAway: 1_001,
  /** Too many are connected: go on elsewhere, or later. */
  tryAgainLater: 1_013,
  /** A frame that is none: don't send it again. */
  malformedFrame: 4_400,
  /** The credential is missing, wrong or has expired: come with another. */
  unauthenticated: 4_401,
  /** The client has not taken what it was sent, for too long. */
  slowConsumer: 4_408,
  /** Too many frames from this tenant. */
  rateLimited: 4_429,
} as const;
