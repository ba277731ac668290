import { describe, expect, it } from "vitest";
import {
  decodePlacementAnswer,
  decodePlacementRequest,
  encodePlacementMessage,
  type PlacementAnswer,
} from "../../../services/protocol/placement-message.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";

const HOLD = { id: "a", leader: "ap", ageMs: 12, holdMs: 600_000 };
const ANSWER: PlacementAnswer = {
  region: "eu",
  isDraining: false,
  isFit: true,
  roundTripsMs: { us: 84.9, ap: 125 },
  movedAgoMs: [12.5],
  isAutomatic: true,
  ranking: [
    { region: "eu", quorumRoundTripMs: 84.9 },
    { region: "ap", quorumRoundTripMs: null },
  ],
  hold: HOLD,
};
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("messages on placement", () => {
  it("come out as they went in", () => {
    for (const request of [{ region: "eu" }, { region: "eu", hold: HOLD }]) {
      expect(decodePlacementRequest(encodePlacementMessage(request))).toEqual(request);
    }
    expect(decodePlacementAnswer(encodePlacementMessage(ANSWER))).toEqual(ANSWER);
  });

  it.each([
    bytes({}),
    bytes({ region: "" }),
    bytes({ region: "eu", hold: { ...HOLD, ageMs: -1 } }),
    bytes({ region: "eu", hold: { ...HOLD, holdMs: "10m" } }),
    Buffer.from("{"),
  ])("are refused as requests: %s", (data) => {
    expect(() => decodePlacementRequest(data)).toThrow(UndecodableEntryError);
  });

  it.each([
    { ...ANSWER, isFit: undefined },
    { ...ANSWER, roundTripsMs: { us: -1 } },
    { ...ANSWER, roundTripsMs: { us: null } },
    { ...ANSWER, movedAgoMs: ["1"] },
    { ...ANSWER, ranking: [{ region: "eu" }] },
  ])("are refused as answers: %j", (answer) => {
    expect(() => decodePlacementAnswer(bytes(answer))).toThrow(UndecodableEntryError);
  });
});
