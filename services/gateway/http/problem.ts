/** From whatever was thrown to a problem: the one place that decides what a client is told. */
import { RefusedWriteError } from "../../core/accept/refused-write.ts";
import { LogUnavailableError } from "../../ports/global-log.ts";
import { ReconciliationError } from "../../ports/reconciliation.ts";
import { StoreUnavailableError } from "../../ports/region-store.ts";
import type { ProblemAnswer } from "../../protocol/http/answers.ts";
import { API_PREFIX, BODY_BYTES_MAX } from "../../protocol/http/headers.ts";
import { problemDefinition, problemType, type ProblemCode } from "../../protocol/http/problems.ts";
import { InvalidSessionError } from "../../protocol/session-token.ts";
import { GatewayError, type GatewayErrorDetails } from "../errors.ts";

/** A request that the transport itself refuses. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  /** The header, parameter or field that is wrong. */
  readonly field: string | undefined;
  /** Methods that the resource has. */
  readonly allow: readonly string[] | undefined;
  constructor(
    code: ProblemCode,
    detail: string,
    options: { field?: string; allow?: readonly string[] } = {},
  ) {
    super(detail);
    this.code = code;
    this.field = options.field;
    this.allow = options.allow;
  }
}

export interface Problem extends GatewayErrorDetails {
  readonly code: ProblemCode;
  readonly detail: string;
  /** Methods that the resource has. */
  readonly allow?: readonly string[];
}

const RECONCILIATION_CODES: { readonly [Why in ReconciliationError["why"]]: ProblemCode } = {
  "unknown-verification": "verification-not-found",
  "not-diverged": "not-diverged",
  outdated: "verification-outdated",
  unavailable: "reconciler-unavailable",
  "old-software": "not-supported-yet",
};

/** An error that nobody has foreseen becomes `internal`; the caller logs it. */
export function problemOf(error: unknown, { bodyBytesMax = BODY_BYTES_MAX } = {}): Problem {
  if (error instanceof ProblemError) {
    const { allow } = error;
    return { ...refusal(error), ...(allow !== undefined && { allow }) };
  }
  // The codes of both classes are codes of problems: one that the table lacks does not compile.
  if (error instanceof GatewayError) {
    return { ...error.details, code: error.code, detail: error.message };
  }
  if (error instanceof RefusedWriteError) return refusal(error);
  if (error instanceof InvalidSessionError) return { code: "invalid-session", detail: error.message };
  if (error instanceof StoreUnavailableError) return storeProblem(error);
  if (error instanceof ReconciliationError) {
    return { code: RECONCILIATION_CODES[error.why], detail: error.message };
  }
  if (error instanceof LogUnavailableError) {
    return { code: "no-quorum", detail: "the log can't be reached at the moment" };
  }
  return frameworkProblem(error, bodyBytesMax) ?? internalProblem();
}

/** Who can't know what the database did must not be told that nothing has happened. */
function storeProblem({ outcome }: StoreUnavailableError): Problem {
  if (outcome === "unknown") {
    return {
      code: "outcome-unknown",
      detail: "the region's database was asked, and has not said whether it did it",
    };
  }
  return { code: "store-unavailable", detail: "the region's database does not answer at the moment" };
}

function refusal(error: { code: ProblemCode; message: string; field: string | undefined }): Problem {
  const { code, message: detail, field } = error;
  return { code, detail, ...(field !== undefined && { field }) };
}

function internalProblem(): Problem {
  return {
    code: "internal",
    detail: "the server has met an error that it did not foresee; its log has the details",
  };
}

/** What the web framework refuses before a handler is called. */
function frameworkProblem(error: unknown, bodyBytesMax: number): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return { code: "body-too-large", detail: `a body has at most ${bodyBytesMax} bytes` };
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return { code: "unsupported-media-type", detail: "the body has to be of type application/json" };
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return {
        code: "malformed-request",
        detail: "the body does not have the length that Content-Length says",
      };
    case "FST_ERR_BAD_URL":
      return { code: "malformed-url", detail: "the path has a percent sign that does not encode UTF-8" };
    case "FST_ERR_MAX_PARAM_LENGTH":
      return { code: "malformed-url", detail: "the path is too long" };
  }
  // A body that breaks off, or what a later version of the framework refuses.
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    return { code: "malformed-request", detail: "the request could not be read to its end" };
  }
  return undefined;
}

export function problemAnswer(problem: Problem): ProblemAnswer {
  const { code, detail, operation, expiresAtMs, position, stalenessMs, field, scope, write, left, reason } =
    problem;
  const operationUrl = operationUrlOf(problem);
  const { title, status, retry } = problemDefinition(code);
  return {
    type: problemType(code),
    title,
    status,
    detail,
    retry,
    ...(reason !== undefined && { reason }),
    ...(operation !== undefined && { operation }),
    ...(operationUrl !== undefined && { operation_url: operationUrl }),
    ...(expiresAtMs !== undefined && { expires_at_ms: expiresAtMs }),
    ...(position !== undefined && { position }),
    ...(stalenessMs !== undefined && { staleness_ms: stalenessMs }),
    ...(field !== undefined && { field }),
    ...(scope !== undefined && { scope }),
    ...(write !== undefined && { write }),
    ...(left !== undefined && { left: { here: left.here, total: left.total } }),
  };
}

/** Where to ask what became of the operation; undefined where there is nothing left to ask. */
export function operationUrlOf({ code, operation, expiresAtMs }: Problem): string | undefined {
  if (operation === undefined || problemDefinition(code).retry !== "ask") return undefined;
  const query = expiresAtMs === undefined ? "" : `?expires_at_ms=${expiresAtMs}`;
  return `${API_PREFIX}/operations/${operation}${query}`;
}

/** In whole seconds, as the header wants it; undefined where waiting doesn't help. */
export function retryAfterSecondsOf(problem: Problem): number | undefined {
  if (problem.retryAfterMs !== undefined) return Math.max(1, Math.ceil(problem.retryAfterMs / 1_000));
  return problemDefinition(problem.code).retryAfterSeconds;
}
