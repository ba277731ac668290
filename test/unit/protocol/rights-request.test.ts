/** What regions say to each other about rights comes back as it was, and nothing else is understood. */
import { describe, expect, it } from "vitest";
import {
  decodeRightsAnswer,
  decodeRightsRequest,
  encodeRightsMessage,
} from "../../../services/protocol/rights-request.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";

const REQUEST = {
  region: "eu", tenant: "acme", collection: "flights", key: 'ключ "1"', field: "seats", held: -2, needed: 5,
}; // prettier-ignore
const ANSWER = { granted: 3, sequence: 12 };
const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

describe("messages about rights", () => {
  it("come back as they were", () => {
    expect(decodeRightsRequest(encodeRightsMessage(REQUEST))).toStrictEqual(REQUEST);
    expect(decodeRightsAnswer(encodeRightsMessage(ANSWER))).toStrictEqual(ANSWER);
  });

  it("with something missing, or of another type, are refused", () => {
    const wrongRequests = [
      "", "{", "null", [], {}, ANSWER, { ...REQUEST, region: "" }, { ...REQUEST, key: "" }, { ...REQUEST, field: 1 },
      { ...REQUEST, held: 0.5 }, { ...REQUEST, held: undefined }, { ...REQUEST, needed: -1 }, { ...REQUEST, needed: "1" },
    ]; // prettier-ignore
    for (const wrong of wrongRequests)
      expect(() => decodeRightsRequest(bytes(wrong))).toThrow(UndecodableEntryError);
    const wrongAnswers = [
      "",
      "[",
      "null",
      [],
      {},
      { granted: 1 },
      { ...ANSWER, granted: -1 },
      { ...ANSWER, sequence: 0.5 },
    ];
    for (const wrong of wrongAnswers)
      expect(() => decodeRightsAnswer(bytes(wrong))).toThrow(UndecodableEntryError);
  });
});
