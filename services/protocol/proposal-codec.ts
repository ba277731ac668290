/**
 * Proposals on the wire: one line each.
 *
 *   ["<id>","<tenant>","<hlc>",<deadline ms>,"<request hash>",[["<lease>",<token>],…],[<write>,…]]
 *
 * A write is `["<collection>","<key>",<condition or null>,"<action>",…]`, with what the action needs after its name.
 */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { Hlc } from "../core/hlc.ts";
import type { JsonValue } from "../core/json.ts";
import type { Action, Condition, Proposal, ProposedWrite } from "../core/proposal.ts";
import { ProposedChange, toChange, toTuples } from "./change-codec.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Hash, HlcText, Name, Sequence, Uuid } from "./wire-types.ts";

const Version = Type.Union([Type.Null(), Type.Literal("*"), Sequence]);
const ConditionObject = Type.Object(
  {
    version: Type.Optional(Version),
    fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
);
const target = [Name, Name, Type.Union([Type.Null(), ConditionObject])] as const;
const Token = Type.Integer({ minimum: 1 });
const Milliseconds = Type.Integer({ minimum: 1 });
const Unique = Type.Tuple([Name, Type.Union([Type.String(), Type.Number()])]);

const Write = Type.Union([
  Type.Tuple([...target, Type.Literal("change"), Type.Array(ProposedChange)]),
  Type.Tuple([...target, Type.Literal("delete")]),
  Type.Tuple([...target, Type.Literal("restore"), Type.Array(Unique)]),
  Type.Tuple([...target, Type.Literal("reclaim"), Name]),
  Type.Tuple([...target, Type.Literal("acquire"), Name, Milliseconds]),
  Type.Tuple([...target, Type.Literal("renew"), Token, Milliseconds]),
  Type.Tuple([...target, Type.Literal("release"), Token]),
]);
type WriteTuple = Static<typeof Write>;

const proposals = Compile(
  Type.Tuple([
    Uuid,
    Name,
    HlcText,
    Sequence,
    Hash,
    Type.Array(Type.Tuple([Name, Token])),
    Type.Array(Write, { minItems: 1 }),
  ]),
);

export function encodeProposal(proposal: Proposal): string {
  const { id, tenant, hlc, deadlineMs, requestHash, fences, writes } = proposal;
  return JSON.stringify([
    id,
    tenant,
    hlc,
    deadlineMs,
    requestHash,
    fences.map(({ lease, token }) => [lease, token]),
    writes.map(encodeWrite),
  ]);
}

/**
 * Everything that a client asks for, and nothing of when, where or which way: what tells a retry from another request.
 * The kinds of fields are left out, since they are not the client's: between two tries a field may become authoritative.
 */
export function requestContent(
  request: Pick<Proposal, "fences" | "writes"> & {
    /** The client wants the log to decide, whatever the fields are. */
    readonly isForced?: boolean | undefined;
  },
): string {
  const { fences, writes, isForced = false } = request;
  const forced = isForced ? ["authoritative"] : [];
  return JSON.stringify([
    fences.map(({ lease, token }) => [lease, token]),
    writes.map(writeContent),
    ...forced,
  ]);
}

function writeContent(write: ProposedWrite): unknown[] {
  if (write.action.type !== "change") return encodeWrite(write);
  const { collection, key, condition, action } = write;
  const changes = action.changes.map(({ field, operator, argument }) => [field, operator, argument]);
  return [collection, key, condition ?? null, action.type, changes];
}

function encodeWrite({ collection, key, condition, action }: ProposedWrite): unknown[] {
  return [collection, key, condition ?? null, ...encodeAction(action)];
}

function encodeAction(action: Action): unknown[] {
  switch (action.type) {
    case "change":
      return [action.type, toTuples(action.changes)];
    case "delete":
      return [action.type];
    case "restore":
      return [action.type, action.claims.map(({ field, value }) => [field, value])];
    case "reclaim":
      return [action.type, action.from];
    case "acquire":
      return [action.type, action.holder, action.ttlMs];
    case "renew":
      return [action.type, action.token, action.ttlMs];
    case "release":
      return [action.type, action.token];
  }
}

/** @throws {UndecodableEntryError} */
export function decodeProposal(text: string): Proposal {
  const tuple = parseJson(text, "proposal");
  if (!proposals.Check(tuple)) throw new UndecodableEntryError(`proposal: ${explain(proposals, tuple)}`);
  const [id, tenant, hlc, deadlineMs, requestHash, fences, writes] = tuple;
  return {
    id,
    tenant,
    hlc: hlc as Hlc,
    deadlineMs,
    requestHash,
    fences: fences.map(([lease, token]) => ({ lease, token })),
    writes: writes.map(decodeWrite),
  };
}

function decodeWrite(tuple: WriteTuple): ProposedWrite {
  const [collection, key, condition] = tuple;
  const action = decodeAction(tuple);
  if (condition === null) return { collection, key, action };
  return { collection, key, action, condition: toCondition(condition) };
}

function toCondition({ version, fields }: Static<typeof ConditionObject>): Condition {
  return {
    ...(version !== undefined && { version }),
    ...(fields !== undefined && { fields: fields as { [field: string]: JsonValue } }),
  };
}

function decodeAction(tuple: WriteTuple): Action {
  switch (tuple[3]) {
    case "change":
      return { type: "change", changes: tuple[4].map(toChange) };
    case "delete":
      return { type: "delete" };
    case "restore":
      return { type: "restore", claims: tuple[4].map(([field, value]) => ({ field, value })) };
    case "reclaim":
      return { type: "reclaim", from: tuple[4] };
    case "acquire":
      return { type: "acquire", holder: tuple[4], ttlMs: tuple[5] };
    case "renew":
      return { type: "renew", token: tuple[4], ttlMs: tuple[5] };
    case "release":
      return { type: "release", token: tuple[4] };
  }
}
