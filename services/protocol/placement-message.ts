/** What regions say to each other about who should lead a partition's log, as JSON. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { explain, parseJson, UndecodableEntryError } from "./undecodable.ts";
import { Region } from "./wire-types.ts";

const Milliseconds = Type.Number({ minimum: 0 });

/** An operator has put leadership somewhere: automatic placement leaves it alone for a time. */
const PlacementHold = Type.Object({
  /** The same in every region that has heard of it. */
  id: Type.String({ minLength: 1, maxLength: 64 }),
  leader: Region,
  ageMs: Milliseconds,
  /** From when it was given. */
  holdMs: Milliseconds,
});

const PlacementRequest = Type.Object({
  /** The region that asks. */
  region: Region,
  hold: Type.Optional(PlacementHold),
});

const PlacementAnswer = Type.Object({
  region: Region,
  isDraining: Type.Boolean(),
  /** Its store answers and its fold keeps up. */
  isFit: Type.Boolean(),
  /** What it has measured to other regions. */
  roundTripsMs: Type.Record(Type.String(), Milliseconds),
  /** How long ago it has asked for leadership, within the last hour. */
  movedAgoMs: Type.Array(Milliseconds, { maxItems: 1_000 }),
  /** Whether it moves leadership by itself. */
  isAutomatic: Type.Boolean(),
  /** Who would lead how well, as it sees it; the best first. */
  ranking: Type.Array(
    Type.Object({ region: Region, quorumRoundTripMs: Type.Union([Milliseconds, Type.Null()]) }),
  ),
  hold: Type.Optional(PlacementHold),
});

export type PlacementHold = Static<typeof PlacementHold>;
export type PlacementRequest = Static<typeof PlacementRequest>;
export type PlacementAnswer = Static<typeof PlacementAnswer>;

const requests = Compile(PlacementRequest);
const answers = Compile(PlacementAnswer);

/** Name of the service on the bus; the process that relays the partition in its region serves it. */
export function placementService(partition: number): string {
  return `placement-${partition}`;
}

export function encodePlacementMessage(message: PlacementRequest | PlacementAnswer): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}

/** @throws {UndecodableEntryError} */
export function decodePlacementRequest(data: Uint8Array): PlacementRequest {
  const message = parseJson(Buffer.from(data).toString("utf8"), "request on placement");
  if (requests.Check(message)) return message;
  throw new UndecodableEntryError(`request on placement: ${explain(requests, message)}`);
}

/** @throws {UndecodableEntryError} */
export function decodePlacementAnswer(data: Uint8Array): PlacementAnswer {
  const message = parseJson(Buffer.from(data).toString("utf8"), "answer on placement");
  if (answers.Check(message)) return message;
  throw new UndecodableEntryError(`answer on placement: ${explain(answers, message)}`);
}
