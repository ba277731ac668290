/** What can go wrong, by code: what a region has refused, what nobody answered, and what may or may not have happened. */
import type { ProblemAnswer } from "../protocol/http/answers.ts";
import type { ProblemCode as ServerCode } from "../protocol/http/problems.ts";

/**
 * Codes of problems, and of the client:
 *
 *   unreachable       nobody answered in time; the request itself has changed nothing
 *   outcome-unknown   it may have taken effect: `OutcomeUnknownError` says how to find out
 *   client-overloaded too much waits in this client; nothing has taken effect
 *   malformed-answer  what answered is no region
 */
export type ForebayErrorCode = ServerCode | "unreachable" | "client-overloaded" | "malformed-answer";

export interface Problem extends Partial<Omit<ProblemAnswer, "status">> {
  readonly code: ForebayErrorCode;
  readonly status: number;
  readonly detail: string;
  /** never: change the request; same: it may be sent again; ask: find out what became of it. */
  readonly retry: ProblemAnswer["retry"];
}

/** Members that problems of a code have for sure. */
interface Members {
  readonly insufficient: { readonly left: { readonly here: number; readonly total: number } };
  readonly "too-stale": { readonly stalenessMs: number };
}

type MembersOf<Code> = Code extends keyof Members ? Members[Code] : object;

export class ForebayError extends Error {
  override readonly name: string = "ForebayError";
  readonly code: ForebayErrorCode;
  /** Of the answer; 0 where there was none. */
  readonly status: number;
  readonly retry: Problem["retry"];
  /** What is wrong, and what would be right. */
  readonly detail: string;
  readonly field: string | undefined;
  /** Index of the write of a transaction that is wrong. */
  readonly write: number | undefined;
  readonly operation: string | undefined;
  readonly left: { readonly here: number; readonly total: number } | undefined;
  readonly stalenessMs: number | undefined;
  readonly problem: Problem;

  constructor(problem: Problem, options?: { readonly cause?: unknown }) {
    super(`${problem.detail} (${problem.code})`, options);
    this.problem = problem;
    this.code = problem.code;
    this.status = problem.status;
    this.retry = problem.retry;
    this.detail = problem.detail;
    this.field = problem.field;
    this.write = problem.write;
    this.operation = problem.operation;
    this.left = problem.left;
    this.stalenessMs = problem.staleness_ms;
  }

  is<Code extends ForebayErrorCode>(...codes: readonly Code[]): this is { code: Code } & MembersOf<Code> {
    return (codes as readonly string[]).includes(this.code);
  }
}

/** What is refused before any region is asked. */
export function unsent(code: ForebayErrorCode, detail: string): ForebayError {
  return new ForebayError({ code, status: 0, retry: "never", detail });
}

/** Whether it is an error of this client, of one of the codes where some are given. */
export function isForebayError<Code extends ForebayErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is ForebayError & { code: Code } & MembersOf<Code> {
  return error instanceof ForebayError && (codes.length === 0 || error.is(...codes));
}

/** The change may or may not have taken effect. `cause` is what was heard last. */
export class OutcomeUnknownError<Answer = unknown> extends ForebayError {
  override readonly name = "OutcomeUnknownError";
  readonly idempotencyKey: string;
  /** Log time after which the operation is dead, if the log has not decided on it before. */
  readonly expiresAtMs: number | undefined;
  /** Sends the same under the same Idempotency-Key, until there is an answer: it takes effect once, however often it is sent. */
  readonly settle: (options?: { deadlineMs?: number; signal?: AbortSignal }) => Promise<Answer>;

  constructor(
    doubt: {
      readonly idempotencyKey: string;
      readonly operation: string | undefined;
      readonly expiresAtMs: number | undefined;
      readonly settle: OutcomeUnknownError<Answer>["settle"];
    },
    cause: unknown,
  ) {
    const detail = "the request may or may not have taken effect: no region has said so in time";
    const { operation, expiresAtMs } = doubt;
    const problem = { code: "outcome-unknown", status: 0, retry: "ask", detail } as const;
    super({ ...problem, ...(operation !== undefined && { operation }) }, { cause });
    this.idempotencyKey = doubt.idempotencyKey;
    this.expiresAtMs = expiresAtMs;
    this.settle = doubt.settle;
  }
}

/** The reason of a lease's signal once it may be another's. */
export class LeaseLostError extends ForebayError {
  override readonly name = "LeaseLostError";
  constructor(lease: string, cause: unknown) {
    const detail = `the lease "${lease}" was not renewed in time, and may be another's`;
    super({ code: "lease-lost", status: 0, retry: "never", detail }, { cause });
  }
}
