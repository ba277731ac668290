import { describe, expect, it } from "vitest";
import {
  BOOTSTRAP_VERSION,
  BootstrapRefusedError,
  decodeBootstrapAnswer,
  decodeBootstrapRequest,
  deflatePage,
  encodeBootstrapAnswer,
  encodeBootstrapRefusal,
  encodeBootstrapRequest,
  inflatePage,
  OtherBootstrapVersionError,
  PIECE_BYTES_MAX,
  type BootstrapRequest,
} from "../../../services/protocol/bootstrap-message.ts";
import { PAYLOAD_BYTES_MAX } from "../../../services/ports/bus.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";

const ID = "01990000-0000-7000-8000-000000000001";
const REQUESTS: readonly BootstrapRequest[] = [
  { ask: "offer", partition: 3 },
  { ask: "open", partition: 0, transfer: ID, by: "ap" },
  { ask: "head", offset: 60_000 },
  { ask: "page", part: "records", after: "a\nb\nключ", page: 7, keepFrom: 5, offset: 0 },
  { ask: "page", part: "operations", page: 0, keepFrom: 0, offset: 0 },
  { ask: "release" },
];

function ofVersion(data: Uint8Array, version: number): Uint8Array {
  const text = Buffer.from(data).toString("utf8");
  return Buffer.from(text.replace(`"version":${BOOTSTRAP_VERSION}`, `"version":${version}`));
}

describe("a request", () => {
  it.each(REQUESTS)("comes back as it was: %j", (request) => {
    expect(decodeBootstrapRequest(encodeBootstrapRequest(request))).toMatchObject(request);
  });

  it("of another version, or another shape, is told apart", () => {
    const data = encodeBootstrapRequest(REQUESTS[0]!);
    expect(() => decodeBootstrapRequest(ofVersion(data, 2))).toThrow(OtherBootstrapVersionError);
    const other = Buffer.from(JSON.stringify({ version: BOOTSTRAP_VERSION, ask: "all" }));
    expect(() => decodeBootstrapRequest(other)).toThrow(UndecodableEntryError);
  });
});

describe("an answer", () => {
  it("carries a piece of any bytes, and fits into a message", () => {
    const piece = Buffer.from(Array.from({ length: PIECE_BYTES_MAX }, (_, index) => index % 256));
    const told = { part: "conflicts", rows: 12, next: "x".repeat(1_500), bytes: 123_456 } as const;
    const data = encodeBootstrapAnswer<"page">(told, piece);
    expect(data.byteLength).toBeLessThan(PAYLOAD_BYTES_MAX);
    const decoded = decodeBootstrapAnswer("page", data);
    expect(decoded.answer).toMatchObject(told);
    expect(Buffer.compare(decoded.piece, piece)).toBe(0);
  });

  it("that refuses, or is of another version, is told apart", () => {
    const refusal = encodeBootstrapRefusal("closed");
    expect(() => decodeBootstrapAnswer("head", refusal)).toThrow(BootstrapRefusedError);
    expect(() => decodeBootstrapAnswer("head", ofVersion(refusal, 2))).toThrow(OtherBootstrapVersionError);
    const head = encodeBootstrapAnswer<"head">({ bytes: 1 });
    expect(() => decodeBootstrapAnswer("offer", head)).toThrow(UndecodableEntryError);
  });
});

it("a page comes back from its deflated bytes, and what is none is refused", () => {
  const lines = Buffer.from('{"id":"a"}\n'.repeat(1_000));
  expect(Buffer.compare(inflatePage(deflatePage(lines)), lines)).toBe(0);
  expect(() => inflatePage(Buffer.from("no page"))).toThrow(UndecodableEntryError);
});
