/** Requests to the region that serves the page: JSON in, JSON out, and problems as sentences. */
import type { ProblemAnswer } from "../../protocol/http/answers.ts";
import { keyHeaders } from "./key.ts";

/** Longer than the region's own deadline, so that its answer comes first. */
const TIMEOUT_MS = 20_000;

/** The region has refused, or did not answer; the message says why. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** Undefined where nothing was answered: the outcome of an order is unknown then. */
  readonly status: number | undefined;
  readonly problem: ProblemAnswer | undefined;

  constructor(message: string, status?: number, problem?: ProblemAnswer) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

export interface Order {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object | undefined;
  /** The same for all tries of one order. */
  readonly idempotencyKey?: string;
}

/** @throws {RequestError} */
export async function request<Answer>({ method, path, body, idempotencyKey }: Order): Promise<Answer> {
  const headers = keyHeaders();
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new RequestError(unanswered(method, error));
  }
  const text = await response.text();
  const answer = parsed(text);
  // A write's answer may be a refusal by the log, told as a receipt.
  if (response.ok) return answer as Answer;
  throw new RequestError(refusal(response.status, answer), response.status, answer as ProblemAnswer);
}

function unanswered(method: Order["method"], error: unknown): string {
  const why = error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : "no answer";
  return method === "GET"
    ? `The region gives ${why}.`
    : `The region gives ${why}: whether the order took effect is unknown. Look before you try again.`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, answer: unknown): string {
  const { title, detail, error, reason } = (answer ?? {}) as Record<string, unknown>;
  const said = [title, detail, error, reason].filter((part) => typeof part === "string");
  return said.length === 0 ? `The region answers ${status}.` : said.join(": ");
}

/** Whether the region wants another credential than the page has. */
export async function isKeyRefused(): Promise<boolean> {
  try {
    await request({ method: "GET", path: "/v1/cluster" });
    return false;
  } catch (error) {
    const { status } = error as RequestError;
    return status === 401 || status === 403;
  }
}

/** A path out of parts that may hold anything, and a query without what is empty. */
export function pathOf(
  parts: readonly string[],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const set = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(set).toString();
  return `/${parts.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}
