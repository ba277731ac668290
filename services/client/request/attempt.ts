/** One request to one region, and what came of it. */
import type { ProblemAnswer } from "../../protocol/http/answers.ts";
import type { ForebayErrorCode, Problem } from "../errors.ts";
import { onAbort, type Platform } from "../platform.ts";
import { rejectionOf } from "../rejection.ts";
import { textOf } from "./body.ts";
import { Controllers } from "./controllers.ts";

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
  /** For answer and body together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 *   answered   with what was asked for
 *   refused    with a problem
 *   silent     nothing that a region has said came back; `isSent` is false where it certainly took nothing
 */
export type Outcome =
  | { readonly type: "answered"; readonly body: unknown; readonly session: string | undefined }
  | {
      readonly type: "refused";
      readonly problem: Problem;
      readonly retryAfterMs: number | undefined;
      readonly session: string | undefined;
    }
  | { readonly type: "silent"; readonly isSent: boolean; readonly cause: unknown };

const PROBLEM_TYPE = "urn:forebay:problem:";
/** Node.js says so where no connection was made. Browsers tell nothing. */
const NOT_CONNECTED = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Neither redirects nor prompts for credentials: regions ask for neither, and what would follow a redirect would take writes
 * and credentials to wherever it leads. By the Fetch standard a request that could need either is sent as a copy of itself, body
 * and all, which costs Node.js about a tenth of what a request does.
 */
export const AS_IT_IS = { redirect: refusedRedirects(), window: null } as const;

const controllers = new Controllers();

/** @throws the signal's reason, once it is aborted; nothing else. */
export async function attempt(platform: Platform, request: HttpRequest): Promise<Outcome> {
  const { url, method, headers, body, timeoutMs, signal } = request;
  signal?.throwIfAborted();
  const taken = controllers.take();
  const { controller } = taken;
  const stop = () => controller.abort(signal!.reason);
  const cancelTimeout = platform.after(timeoutMs, () =>
    controller.abort(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
  );
  const forget = onAbort(signal, stop);
  try {
    const init: RequestInit = { ...AS_IT_IS, method, headers, signal: controller.signal };
    if (body !== undefined) init.body = body;
    const response = await platform.fetch(url, init);
    return outcomeOf(response, await textOf(response, controller.signal));
  } catch (error) {
    signal?.throwIfAborted();
    return { type: "silent", isSent: !wasNotConnected(error), cause: error };
  } finally {
    cancelTimeout();
    forget();
    controllers.giveBack(taken);
  }
}

/** Some runtimes at the edge know no "error": there a redirect is an answer that is no region's. */
function refusedRedirects(): "error" | "manual" {
  try {
    return new Request("http://localhost", { redirect: "error" }).redirect as "error";
  } catch {
    return "manual";
  }
}

function wasNotConnected(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return NOT_CONNECTED.has(cause?.code ?? "");
}

function outcomeOf(response: Response, text: string): Outcome {
  const { status, headers } = response;
  const body = parse(text);
  if (body !== undefined && status < 300) return { type: "answered", body, session: tokenIn(body) };
  const problem = problemOf(status, body);
  if (problem === undefined) {
    // Something between here and the region, which may have passed the request on.
    return { type: "silent", isSent: true, cause: new Error(`an answer ${status} that is no region's`) };
  }
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = seconds >= 0 ? seconds * 1_000 : undefined;
  const session = headers.get("forebay-session") ?? undefined;
  return { type: "refused", problem, retryAfterMs, session };
}

function tokenIn({ session }: Record<string, unknown>): string | undefined {
  return typeof session === "string" ? session : undefined;
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** As the client tells it. */
export function problemIn(answer: ProblemAnswer): Problem {
  return { ...answer, code: answer.type.slice(PROBLEM_TYPE.length) as ForebayErrorCode };
}

function problemOf(status: number, body: Record<string, unknown> | undefined): Problem | undefined {
  const { type, detail } = body ?? {};
  if (typeof type === "string" && type.startsWith(PROBLEM_TYPE))
    return problemIn(body as unknown as ProblemAnswer);
  // A local write that the log has refused since answers with its receipt.
  if (body?.["status"] === "rejected") return rejectionOf(body).problem;
  if (status === 429) return { code: "overloaded", detail: "too many requests", status, retry: "same" };
  if (status >= 500 || status < 400) return undefined;
  const told = typeof detail === "string" ? detail : `an answer ${status} that is no region's`;
  return { code: "malformed-answer", detail: told, status, retry: "never" };
}
