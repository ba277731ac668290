/** What regions say to each other about rights to escrows, as JSON. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Name, Region, Sequence } from "./wire-types.ts";

/** Name of the service on the bus. */
export const RIGHTS_SERVICE = "rights";

const RightsRequestMessage = Type.Object({
  /** The region that asks. */
  region: Region,
  tenant: Name,
  collection: Name,
  key: Name,
  field: Name,
  /** What it may still take. */
  held: Type.Integer(),
  /** What it needs to hold; 0 where it only runs low. */
  needed: Sequence,
});

const RightsAnswerMessage = Type.Object({
  /** What is handed over; 0 where the donor gives nothing. */
  granted: Sequence,
  /** Of the donor's WAL: where it is handed over; 0 where nothing is. */
  sequence: Sequence,
});

export type RightsRequestMessage = Static<typeof RightsRequestMessage>;
export type RightsAnswerMessage = Static<typeof RightsAnswerMessage>;

const requests = Compile(RightsRequestMessage);
const answers = Compile(RightsAnswerMessage);

export function encodeRightsMessage(message: RightsRequestMessage | RightsAnswerMessage): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** @throws {UndecodableEntryError} */
export function decodeRightsRequest(data: Uint8Array): RightsRequestMessage {
  const message = parseJson(Buffer.from(data).toString("utf8"), "request for rights");
  if (!requests.Check(message))
    throw new UndecodableEntryError(`request for rights: ${explain(requests, message)}`);
  return message;
}

/** @throws {UndecodableEntryError} */
export function decodeRightsAnswer(data: Uint8Array): RightsAnswerMessage {
  const message = parseJson(Buffer.from(data).toString("utf8"), "answer on rights");
  if (!answers.Check(message))
    throw new UndecodableEntryError(`answer on rights: ${explain(answers, message)}`);
  return message;
}
