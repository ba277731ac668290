import { describe, expect, it } from "vitest";
import {
  decodeLogState,
  decodeLogStateRequest,
  encodeLogState,
  encodeLogStateRequest,
} from "../../../services/protocol/log-message.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";
import { logState } from "../gateway-http/stub-logs.ts";

describe("a question about the log", () => {
  it("is read as it was written", () => {
    const request = { partition: 3, isDurable: true };
    expect(decodeLogStateRequest(encodeLogStateRequest(request))).toEqual(request);
  });

  it.each([
    "",
    "[]",
    "{}",
    '{"version":2,"partition":0,"isDurable":true}',
    '{"version":1,"partition":-1,"isDurable":true}',
  ])("is not %s", (text) =>
    expect(() => decodeLogStateRequest(Buffer.from(text))).toThrow(UndecodableEntryError),
  );
});

describe("an answer about the log", () => {
  it.each([
    logState("eu"),
    logState("eu", { cluster: undefined, logCreatedAtMs: undefined, position: 0, origins: {} }),
    logState("eu", { stopped: "the log is gone" }),
  ])("is read as it was written, case %#", (state) => {
    expect(decodeLogState(encodeLogState(state))).toEqual(state);
  });

  it("that is something else is refused", () => {
    for (const change of [{ chain: "x" }, { position: -1 }, { origins: { eu: {} } }, { version: 2 }]) {
      const text = JSON.stringify({
        ...JSON.parse(Buffer.from(encodeLogState(logState("eu"))).toString()),
        ...change,
      });
      expect(() => decodeLogState(Buffer.from(text))).toThrow(UndecodableEntryError);
    }
  });
});
