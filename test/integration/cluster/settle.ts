/**
 * A request that the log decides, as a client that wants to know sends it: under one Idempotency-Key through one region
 * after the other, until it is certain what the log made of it. A client that gives up before that asks for the operation.
 */
import { idempotentOperationId } from "../../../services/core/operation-id.ts";
import { PROBLEMS, type ProblemDefinition } from "../../../services/protocol/http/problems.ts";
import { eventually, type Bed } from "./bed.ts";
import { send, type Answer } from "./request.ts";

const TENANT = "default";
const RETRY_DELAY_MS = 50;
const LIMIT_MS = 90_000;
const PROBLEM_TYPE = "urn:forebay:problem:";

export interface Decidable {
  readonly method: "PATCH" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: object;
  readonly idempotencyKey: string;
}

/** What the log made of a request. */
export type Verdict =
  | { readonly status: "committed" }
  /** With the code of the problem, or where the operation was asked for, that of its receipt. */
  | { readonly status: "rejected"; readonly code: string }
  /** It has no effect, now or later. */
  | { readonly status: "dead" };

export interface Settled {
  readonly operation: string;
  readonly verdict: Verdict;
}

type Reply =
  | Verdict
  | { readonly status: "without-effect" }
  | { readonly status: "unknown"; readonly expiresAtMs: number };

/**
 * @param way `first`: the region of the first try; the others follow in turn. After `triesMax` tries the operation is asked
 * for, in other regions than that of the last try.
 * @throws {Error} for an answer that no client should get, and when nothing is certain after the limit.
 */
export async function settle(
  bed: Bed,
  request: Decidable,
  way: { readonly first: string; readonly triesMax?: number },
): Promise<Settled> {
  const operation = idempotentOperationId(TENANT, request.idempotencyKey);
  const regions = inTurn(bed, way.first);
  const untilMs = performance.now() + LIMIT_MS;
  let expiresAtMs: number | undefined;
  for (let tries = 1; performance.now() < untilMs; tries += 1) {
    const region = regions[(tries - 1) % regions.length]!;
    const reply = await attempt(bed, request, region);
    if (reply.status === "unknown") expiresAtMs = Math.max(expiresAtMs ?? 0, reply.expiresAtMs);
    else if (reply.status !== "without-effect") return { operation, verdict: reply };
    // A try that was cut off has not told until when it can take effect: only a decision ends the doubt.
    if (tries >= (way.triesMax ?? Infinity) && expiresAtMs !== Infinity) {
      if (expiresAtMs === undefined) return { operation, verdict: { status: "dead" } };
      const others = regions.filter((name) => name !== region);
      return { operation, verdict: await ask(bed, { operation, expiresAtMs, others }) };
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
  }
  throw new Error(`operation ${operation} was not decided within ${LIMIT_MS} ms`);
}

function inTurn(bed: Bed, first: string): string[] {
  const names = bed.cluster.regions.map(({ name }) => name);
  const start = names.indexOf(first);
  return [...names.slice(start), ...names.slice(0, start)];
}

async function attempt(bed: Bed, request: Decidable, region: string): Promise<Reply> {
  const { method, path, body, idempotencyKey } = request;
  const url = `${bed.cluster.region(region).url}${path}`;
  const answer = await send(url, { method, body, headers: { "idempotency-key": idempotencyKey } });
  return replyOf(answer, `${method} ${path} through ${region}`);
}

function replyOf(answer: Answer | undefined, what: string): Reply {
  if (answer === undefined) return { status: "unknown", expiresAtMs: Infinity };
  const { status, body } = answer;
  if (status === 200) return { status: "committed" };
  if (status === 504) return { status: "unknown", expiresAtMs: Number(body["expires_at_ms"] ?? Infinity) };
  if (status === 503 || status === 429) return { status: "without-effect" };
  const code = String(body["type"]).slice(PROBLEM_TYPE.length);
  const problem = (PROBLEMS as { readonly [code: string]: ProblemDefinition })[code];
  if (problem?.isDecided !== true) throw new Error(`${what} was answered ${status} ${JSON.stringify(body)}`);
  return { status: "rejected", code };
}

/** Every region knows, sooner or later: one that is cut off at the moment is not waited for. */
async function ask(
  bed: Bed,
  asked: { operation: string; expiresAtMs: number; others: readonly string[] },
): Promise<Verdict> {
  const { operation, expiresAtMs, others } = asked;
  let looks = 0;
  const path = `/v1/operations/${operation}?expires_at_ms=${expiresAtMs}`;
  return eventually(`a region knows what became of operation ${operation}`, async () => {
    const region = others[looks % others.length]!;
    looks += 1;
    const answer = await send(`${bed.cluster.region(region).url}${path}`, { method: "GET" });
    return answer?.status === 200 ? verdictOf(answer.body) : undefined;
  });
}

function verdictOf({ status, code }: Answer["body"]): Verdict | undefined {
  if (status === "committed") return { status };
  if (status === "rejected") return { status, code: String(code) };
  return status === "expired" ? { status: "dead" } : undefined;
}
