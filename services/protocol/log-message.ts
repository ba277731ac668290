/** What regions ask each other about a partition's log: how far each has folded it, and which one. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import type { RegionLogState } from "../core/log/rebuild-plan.ts";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Hash, Region, Sequence, Uuid } from "./wire-types.ts";

/** Served by each process of a region that may fold. */
export const LOG_SERVICE = "log";
const LOG_MESSAGE_VERSION = 1;

const Version = Type.Literal(LOG_MESSAGE_VERSION);

const Request = Type.Object({
  version: Version,
  partition: Sequence,
  /** What is told must hold also after the database has crashed. */
  isDurable: Type.Boolean(),
});

const Answer = Type.Object({
  version: Version,
  region: Region,
  position: Sequence,
  chain: Hash,
  cluster: Type.Union([Uuid, Type.Null()]),
  logEpoch: Sequence,
  logCreatedAtMs: Type.Union([Sequence, Type.Null()]),
  logTimeMs: Sequence,
  stopped: Type.Union([Type.String(), Type.Null()]),
  walHead: Sequence,
  origins: Type.Record(Type.String(), Type.Object({ watermark: Sequence, appliedPosition: Sequence })),
});

export type LogStateRequest = Omit<Static<typeof Request>, "version">;

const requests = Compile(Request);
const answers = Compile(Answer);

export function encodeLogStateRequest(request: LogStateRequest): Uint8Array {
  return Buffer.from(JSON.stringify({ version: LOG_MESSAGE_VERSION, ...request }));
}

/** @throws {UndecodableEntryError} */
export function decodeLogStateRequest(data: Uint8Array): LogStateRequest {
  const message = parseJson(Buffer.from(data).toString("utf8"), "question about the log");
  if (!requests.Check(message))
    throw new UndecodableEntryError(`question about the log: ${explain(requests, message)}`);
  const { version: _, ...request } = message;
  return request;
}

export function encodeLogState(state: RegionLogState): Uint8Array {
  const { cluster = null, logCreatedAtMs = null, stopped = null, ...rest } = state;
  const message = { version: LOG_MESSAGE_VERSION, ...rest, cluster, logCreatedAtMs, stopped };
  return Buffer.from(JSON.stringify(message));
}

/** @throws {UndecodableEntryError} */
export function decodeLogState(data: Uint8Array): RegionLogState {
  const message = parseJson(Buffer.from(data).toString("utf8"), "answer about the log");
  if (!answers.Check(message))
    throw new UndecodableEntryError(`answer about the log: ${explain(answers, message)}`);
  const { version: _, cluster, logCreatedAtMs, stopped, ...rest } = message;
  return {
    ...rest,
    cluster: cluster ?? undefined,
    logCreatedAtMs: logCreatedAtMs ?? undefined,
    stopped: stopped ?? undefined,
  };
}
