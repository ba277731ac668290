import { beforeEach, describe, expect, it } from "vitest";
import { Compile } from "typebox/compile";
import { GatewayError } from "../../../services/gateway/errors.ts";
import { classOf } from "../../../services/gateway/http/door.ts";
import { ImportAnswer } from "../../../services/protocol/http/import.ts";
import { codeOf } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION } from "./stub-gateway.ts";

const URL = "/v1/collections/users/import";
const NDJSON = { "content-type": "application/x-ndjson" };
const validator = Compile(ImportAnswer);

let rig: Rig;

beforeEach(async () => {
  rig = await buildRig();
});

function post(payload: string | Buffer, headers: { [name: string]: string } = NDJSON) {
  return rig.server.app.inject({ method: "POST", url: URL, headers, payload });
}

function lineOf(number: number, more: object = { set: { name: "Ada" } }): string {
  return `${JSON.stringify({ id: `row-${number}`, key: `k${number}`, ...more })}\n`;
}

describe("an import", () => {
  it("answers line by line", async () => {
    const lines = [
      lineOf(1),
      "{no json\n",
      "[]\n",
      lineOf(2, { set: { nmae: 1 } }),
      '{"id":"row-3","set":{"name":"x"}}\n',
      '{"key":"k","set":{"name":"x"}}\n',
      '{"id":"row-4","key":"k","__proto__":{}}\n',
      `{"id":"row-5","key":"k","set":{"name":"${"x".repeat(70_000)}"}}\n`,
      lineOf(6).trimEnd(),
    ];
    const response = await post(lines.join(""));
    expect(response.statusCode).toBe(200);
    const answer = response.json();
    expect(validator.Errors(answer)).toEqual([]);
    expect(answer).toMatchObject({ accepted: 2, replayed: 0, refused: 7 });
    const told = (answer as ImportAnswer).lines.map((line) =>
      line.status === "refused" ? line.problem.type.split(":").at(-1) : line.status,
    );
    expect(told).toEqual([
      "accepted",
      "malformed-json",
      "malformed-body",
      "unknown-field",
      "malformed-body",
      "malformed-body",
      "malformed-body",
      "body-too-large",
      "accepted",
    ]);
    expect(rig.gateway.imports[0]).toMatchObject({ collection: "users" });
  });

  it.each([
    ["", NDJSON, 400, "malformed-body"],
    [lineOf(1), { "content-type": "application/json" }, 415, "unsupported-media-type"],
    [lineOf(1).repeat(1_001), NDJSON, 400, "malformed-body"],
    ["x".repeat(1_100_000), NDJSON, 413, "body-too-large"],
    [lineOf(1), { ...NDJSON, "if-match": '"1"' }, 400, "invalid-condition"],
  ])("is refused as a whole: body %#", async (...[body, headers, status, code]) => {
    const response = await post(body, headers as { [name: string]: string });
    expect([response.statusCode, codeOf(response)]).toEqual([status, code]);
    if (code === "body-too-large") expect(response.body).toContain("1048576");
  });

  it("says when to come back where lines are refused for the moment, and fails where all are", async () => {
    rig.gateway.importAnswer = new GatewayError("wal-full", "full", { retryAfterMs: 2_000 });
    const all = await post(lineOf(1) + lineOf(2));
    expect([all.statusCode, codeOf(all), all.headers["retry-after"]]).toEqual([503, "wal-full", "2"]);
    const some = await post(lineOf(1) + lineOf(2, { set: { nmae: 1 } }));
    expect([some.statusCode, some.headers["retry-after"]]).toEqual([200, "2"]);
    const lines = some.json<{ lines: { retry_after_s?: number }[] }>().lines;
    expect(lines.map((line) => line.retry_after_s)).toEqual([2, undefined]);
  });

  it.each(["insufficient", "schema-changed", "expired", "outcome-unknown"] as const)(
    "tells each line of its own %s, also where all have met it",
    async (code) => {
      rig.gateway.importAnswer = new GatewayError(code, "not now");
      const response = await post(lineOf(1) + lineOf(2));
      expect(response.statusCode).toBe(200);
      expect(response.json()).toMatchObject({
        refused: 2,
        lines: [{ problem: { type: `urn:forebay:problem:${code}` } }, { status: "refused" }],
      });
    },
  );

  it("hides no bug in a line's answer", async () => {
    rig.gateway.importAnswer = new Error("a bug");
    const response = await post(lineOf(1));
    expect([response.statusCode, codeOf(response)]).toEqual([500, "internal"]);
    expect(rig.logged).toHaveLength(1);
  });

  it("tells what was replayed", async () => {
    rig.gateway.importAnswer = { operation: OPERATION, status: "committed", isReplayed: true };
    expect((await post(lineOf(1))).json()).toMatchObject({ accepted: 1, replayed: 1, refused: 0 });
  });

  it("is a write at the door", () => {
    expect(classOf("POST", URL)).toBe("write");
    expect(classOf("POST", "/v1/collections/users/records/import/restore")).toBe("ordered");
  });
});
