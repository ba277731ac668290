import { describe, expect, it } from "vitest";
import { completeAnswer, verdictOf } from "../../../infra/load/answer.ts";
import { PROBLEMS } from "../../../services/protocol/http/problems.ts";

const answer = (status: number, body = "", headers: readonly string[] = [`Content-Length: ${body.length}`]) =>
  [`HTTP/1.1 ${status} Whatever`, ...headers, "", body].join("\r\n");

describe("an answer", () => {
  it("is complete when all of its body is there", () => {
    const text = answer(202, '{"status":"accepted"}');
    for (let length = 0; length < text.length; length += 1) {
      expect(completeAnswer(text.slice(0, length))).toBeUndefined();
    }
    expect(completeAnswer(text)).toEqual({ status: 202, body: '{"status":"accepted"}', isLast: false });
    expect(completeAnswer(answer(204, "", []))?.status).toBe(204);
  });

  it("may come in chunks", () => {
    const text = answer(200, "2\r\n{}\r\n0\r\n\r\n", ["Transfer-Encoding: chunked"]);
    expect(completeAnswer(text.slice(0, -1))).toBeUndefined();
    expect(completeAnswer(text)?.status).toBe(200);
  });

  it("may be the last on its connection", () => {
    expect(completeAnswer(answer(503, "", ["Content-Length: 0", "Connection: close"]))?.isLast).toBe(true);
  });
});

describe("the verdict on an answer", () => {
  const verdict = (status: number, code?: string) =>
    verdictOf({
      status,
      body: code === undefined ? "" : `{"type":"urn:forebay:problem:${code}","expires_at_ms":1700}`,
      isLast: false,
    });

  it("takes for unknown exactly what the API's table says may have taken effect", () => {
    for (const [code, { status, retry }] of Object.entries(PROBLEMS)) {
      const outcome = retry === "ask" ? "unknown" : "refused";
      expect(verdict(status, code)).toMatchObject({ outcome, detail: `${status} ${code}` });
    }
    expect(verdict(504, "outcome-unknown").expiresAtMs).toBe(1_700);
  });

  it("knows no codes of other servers", () => {
    expect(verdict(200).outcome).toBe("succeeded");
    expect(verdict(503).outcome).toBe("refused");
    expect(verdict(504)).toMatchObject({ outcome: "unknown", detail: "504" });
  });
});
