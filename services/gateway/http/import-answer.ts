/** From what became of the lines of an import to the text of its answer. */
import { problemDefinition, type ProblemCode } from "../../protocol/http/problems.ts";
import type { BulkLineResult, BulkResult } from "../gateway.ts";
import { outcomeOf, type RequestOutcome } from "./outcome.ts";
import type { RefusedLine } from "../../protocol/http/import.ts";
import { problemAnswer, problemOf, retryAfterSecondsOf, type Problem } from "./problem.ts";

/** Of lines that are worth sending again: the first one's error, and whether the process refuses all alike. */
export function passingErrorOf(
  lines: BulkResult["lines"],
): { readonly error: Error; readonly isAll: boolean } | undefined {
  const errors = lines.filter((line) => line instanceof Error);
  const error = errors.find((one) => problemDefinition(problemOf(one).code).retry !== "never");
  if (error === undefined) return undefined;
  const { code } = problemOf(error);
  return {
    error,
    isAll:
      isOfProcess(code) &&
      errors.length === lines.length &&
      errors.every((one) => problemOf(one).code === code),
  };
}

/** What others can lift, what the log has decided or may decide yet, is each line's own, however many have met it. */
function isOfProcess(code: ProblemCode): boolean {
  const { status, isDecided, retry } = problemDefinition(code);
  return status !== 409 && isDecided !== true && retry !== "ask";
}

/** As of requests one by one. */
export function outcomesOf(lines: BulkResult["lines"]): ReadonlyMap<RequestOutcome, number> {
  const counts = new Map<RequestOutcome, number>();
  for (const line of lines) {
    const outcome =
      line instanceof Error
        ? outcomeOf("local", problemDefinition(problemOf(line).code).status)
        : ENDS[line.status];
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}

const ENDS = {
  accepted: "accepted",
  committed: "committed",
  superseded: "committed",
  rejected: "rejected",
} as const;

/** Almost all lines have the short form, whose members need no escaping. */
export function importAnswerText({ lines }: BulkResult, session: string): string {
  let [accepted, replayed, refused] = [0, 0, 0];
  const texts = lines.map((line) => {
    if (line instanceof Error) {
      refused += 1;
      return JSON.stringify(refusedLine(problemOf(line)));
    }
    if (line.status !== "rejected") accepted += 1;
    if (line.isReplayed) replayed += 1;
    return textOf(line);
  });
  const counts = `"accepted":${accepted},"replayed":${replayed},"refused":${refused}`;
  return `{${counts},"lines":[${texts.join(",")}],"session":"${session}"}`;
}

function refusedLine(problem: Problem): RefusedLine {
  const seconds = retryAfterSecondsOf(problem);
  return {
    status: "refused",
    problem: problemAnswer(problem),
    ...(seconds !== undefined && { retry_after_s: seconds }),
  };
}

function textOf({ status, operation, isReplayed, rejection }: BulkLineResult): string {
  const more = `${isReplayed ? ',"replayed":true' : ""}${rejection === undefined ? "" : `,"code":"${rejection.code}"`}`;
  return `{"status":"${status}","operation":"${operation}"${more}}`;
}
