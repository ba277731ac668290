/** Several writes of a stream in one request, as the client for apps sends what comes together. */
import { IMPORT_MEDIA_TYPE } from "../../services/protocol/http/headers.ts";
import type { ImportAnswer } from "../../services/protocol/http/import.ts";
import { verdictOf, type HttpAnswer, type Verdict } from "./answer.ts";

/** What is due waits for its turn, and then goes with all that has become due meanwhile. */
export interface TogetherPlan {
  readonly path: string;
  readonly linesMax: number;
  readonly requestsMax: number;
}

export interface Line {
  readonly idempotencyKey: string;
  readonly key: string;
  /** Of a request of its own. */
  readonly body: string;
}

export const TOGETHER_HEADERS = { "Content-Type": IMPORT_MEDIA_TYPE };

export function linesText(lines: readonly Line[]): string {
  return lines
    .map(({ idempotencyKey, key, body }) => {
      const head = JSON.stringify({ id: idempotencyKey, key });
      return `${head.slice(0, -1)},${body.slice(1)}`;
    })
    .join("\n");
}

/** What became of each line; that of the request where it was refused as a whole. */
export function verdictsOf(answer: HttpAnswer, count: number): Verdict[] {
  const whole = verdictOf(answer);
  if (whole.outcome !== "succeeded") return Array.from({ length: count }, () => whole);
  const { lines } = JSON.parse(answer.body) as ImportAnswer;
  return lines.map((line): Verdict => {
    if (line.status === "refused") {
      const { problem } = line;
      return verdictOf({ status: problem.status, body: JSON.stringify(problem), isLast: false });
    }
    if (line.status !== "rejected") return whole;
    return { outcome: "refused", detail: `409 ${line.code ?? "rejected"}`, isWorthRetrying: false };
  });
}
