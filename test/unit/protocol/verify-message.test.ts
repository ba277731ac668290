/** What regions ask each other about checkpoints: told as it was said, and refused where the versions differ. */
import { describe, expect, it } from "vitest";
import { LEAVES_MAX } from "../../../services/core/verify/digest-tree.ts";
import { PAYLOAD_BYTES_MAX } from "../../../services/ports/bus.ts";
import {
  decodeVerifyAnswer,
  decodeVerifyRequest,
  encodeVerifyAnswer,
  encodeVerifyRefusal,
  encodeVerifyRequest,
  OtherVersionError,
  partsOf,
  VERIFY_LIST_BYTES_MAX,
  VERIFY_NODES_MAX,
  VERIFY_VERSION,
  VerifyRefusedError,
  type VerifyRequest,
} from "../../../services/protocol/verify-message.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";

const UUID = "00000000-0000-7000-8000-000000000000";
const REQUESTS: readonly VerifyRequest[] = [
  { ask: "place", partition: 3 },
  { ask: "state" },
  { ask: "nodes", level: 2, nodes: [0, 255] },
  { ask: "rows", reading: UUID, page: 1, leaves: "AQ==" },
  { ask: "records", records: [["acme", "users", "a\nb"]], offset: 56_000 },
  { ask: "rest", operationsAbove: 7, after: 0 },
  { ask: "release" },
];

function ofVersion(data: Uint8Array, version: unknown): Uint8Array {
  const message = JSON.parse(Buffer.from(data).toString("utf8")) as object;
  return Buffer.from(JSON.stringify({ ...message, version }));
}

describe("a request", () => {
  it.each(REQUESTS)("is understood as it was asked: $ask", (request) => {
    expect(decodeVerifyRequest(encodeVerifyRequest(request))).toMatchObject(request);
  });

  it.each([VERIFY_VERSION + 1, 0, undefined, "1"])(
    "of version %s is of another kind of comparison",
    (version) => {
      const data = ofVersion(encodeVerifyRequest({ ask: "state" }), version);
      expect(() => decodeVerifyRequest(data)).toThrow(OtherVersionError);
    },
  );

  it.each(["null", "[]", '{"version":1}', '{"version":1,"ask":"rows"}', "{"])(
    "that is none is refused: %s",
    (text) => {
      expect(() => decodeVerifyRequest(Buffer.from(text))).toThrow(/version|request of verification/);
    },
  );

  it("for all leaves, or as many nodes as there may be, fits a message", () => {
    const leaves = Buffer.alloc(LEAVES_MAX / 8, 255).toString("base64");
    const rows = encodeVerifyRequest({ ask: "rows", reading: UUID, page: 99_999, leaves });
    const all = Array.from({ length: VERIFY_NODES_MAX }, () => LEAVES_MAX - 1);
    const nodes = encodeVerifyRequest({ ask: "nodes", level: 4, nodes: all });
    const digests = encodeVerifyAnswer<"nodes">({ digests: all.map(() => "0".repeat(32)) });
    for (const { byteLength } of [rows, nodes, digests]) expect(byteLength).toBeLessThan(PAYLOAD_BYTES_MAX);
  });
});

describe("an answer", () => {
  it("carries text behind its first line, line feeds and all", () => {
    const data = encodeVerifyAnswer<"records">({ bytes: 4 }, Buffer.from("\n{}\n"));
    const { answer, text } = decodeVerifyAnswer("records", data);
    expect(answer.bytes).toBe(4);
    expect(Buffer.from(text).toString()).toBe("\n{}\n");
  });

  it("that refuses, is of another version, or answers something else is told apart", () => {
    const refusal = encodeVerifyRefusal("closed");
    expect(() => decodeVerifyAnswer("state", refusal)).toThrow(VerifyRefusedError);
    expect(() => decodeVerifyAnswer("state", ofVersion(refusal, VERIFY_VERSION + 1))).toThrow(
      OtherVersionError,
    );
    const place = encodeVerifyAnswer<"place">({ position: 1 });
    expect(() => decodeVerifyAnswer("state", place)).toThrow(UndecodableEntryError);
  });
});

describe("parts of a list", () => {
  it("are as long as a message takes, and hold everything once, in order", () => {
    const items = Array.from({ length: 5_000 }, (_, index) => `${index} ${"ä".repeat(index % 90)}`);
    const parts = partsOf(items, 1_000);
    expect(parts.flat()).toEqual(items);
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(1_000);
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(VERIFY_LIST_BYTES_MAX + 2);
    }
    expect(partsOf(["x".repeat(VERIFY_LIST_BYTES_MAX)], 9)).toHaveLength(1);
    expect(partsOf([], 9)).toEqual([]);
  });
});
