/** Requests to a region's API. */
import type { ProblemAnswer } from "../protocol/http/answers.ts";
import { ACTOR_HEADER } from "../protocol/http/audit.ts";
import { API_PREFIX } from "../protocol/http/headers.ts";
import { actor } from "./actor.ts";
import type { ClusterRegion } from "./cluster.ts";
import { CommandError, UsageError } from "./errors.ts";

const TIMEOUT_MS = 65_000;

export interface ApiRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: unknown;
  /** A body that is no JSON object. */
  readonly text?: { readonly type: string; readonly body: string };
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  /** Undefined where the answer has no body. */
  readonly body: unknown;
}

/** The region could not be asked at all. */
export class UnreachableError extends CommandError {}

/** The region has refused. */
export class ProblemAnsweredError extends CommandError {
  readonly status: number;
  readonly problem: Partial<ProblemAnswer>;
  /** Of the problem; of an answer that is none, its status. */
  readonly code: string;
  /** Where the region says when to come back. */
  readonly retryAfterMs: number | undefined;
  constructor(status: number, problem: Partial<ProblemAnswer>, retryAfter?: string | null) {
    const code = problem.type?.split(":").at(-1) ?? `status ${status}`;
    super(`${problem.detail ?? "the region has refused without saying why"} (${code})`);
    this.status = status;
    this.problem = problem;
    this.code = code;
    this.retryAfterMs = /^\d+$/.test(retryAfter ?? "") ? 1_000 * Number(retryAfter) : undefined;
  }
}

/** @throws {UnreachableError | ProblemAnsweredError} */
export async function callApi(region: ClusterRegion, request: ApiRequest): Promise<ApiAnswer> {
  const { status, headers, bytes } = await fetchApi(region, request);
  const text = bytes.toString("utf8");
  return {
    status,
    etag: headers.get("etag") ?? undefined,
    body: text === "" ? undefined : parseObject(text),
  };
}

/** The answer as it comes. @throws {UnreachableError | ProblemAnsweredError} */
export async function fetchApi(
  region: ClusterRegion,
  request: ApiRequest,
): Promise<{ status: number; headers: Headers; bytes: Buffer }> {
  const { method = "GET", path, headers = {}, timeoutMs = TIMEOUT_MS } = request;
  const content = contentOf(request);
  const type = content === undefined ? {} : { "content-type": content.type };
  let response: Response;
  let bytes: Buffer;
  try {
    response = await fetch(`${region.url}${path}`, {
      method,
      headers: {
        ...type,
        ...(method === "GET" ? {} : { [ACTOR_HEADER]: actor() }),
        ...(region.key === undefined ? {} : { authorization: `Bearer ${region.key}` }),
        ...headers,
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(content === undefined ? {} : { body: content.body }),
    });
    bytes = Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new UnreachableError(`region ${region.name} at ${region.url} does not answer: ${reasonOf(error)}`);
  }
  const { status } = response;
  if (status >= 400) {
    const problem = parseObject(bytes.toString("utf8"));
    throw new ProblemAnsweredError(status, problem, response.headers.get("retry-after"));
  }
  return { status, headers: response.headers, bytes };
}

/** @throws {UsageError} for the two keys that no URL can name. */
export function recordPath(collection: string, key: string): string {
  if (key === "." || key === "..") throw new UsageError(`the key "${key}" can't stand in a URL`);
  if (key === "" || collection === "") throw new UsageError("a collection and a key are not empty");
  return `${collectionPath(collection)}/records/${encodeURIComponent(key)}`;
}

export function collectionPath(collection: string): string {
  return `${API_PREFIX}/collections/${encodeURIComponent(collection)}`;
}

function contentOf({ body, text }: ApiRequest): ApiRequest["text"] {
  return body === undefined ? text : { type: "application/json", body: JSON.stringify(body) };
}

/** fetch wraps the network's error, which alone says something. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: unknown; message: string };
  const { code, message: inner } = (cause ?? {}) as { code?: string; message?: string };
  return code ?? (inner === undefined || inner === "" ? message : inner);
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
