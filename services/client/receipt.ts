/** What a region has answered to a change, and how to learn what the log made of it. */
import type { WriteAnswer } from "../protocol/http/answers.ts";
import { ForebayError, unsent } from "./errors.ts";
import { sleep } from "./platform.ts";
import { rejectionOf, type Rejected } from "./rejection.ts";
import type { CallOptions, Sender } from "./request/sender.ts";

export interface Position {
  readonly partition: number;
  readonly sequence: number;
}

/** What the client could not know, once the log has decided. */
export interface Result {
  readonly version?: string;
  /** Sums of authoritative fields after `inc`. */
  readonly fields?: { readonly [field: string]: unknown };
  /** Of a transaction: by write. */
  readonly writes?: readonly ({ readonly version?: string; readonly fields?: object } | null)[];
}

interface Answer extends Partial<Omit<WriteAnswer, "status" | "result">> {
  readonly operation: string;
  readonly status: string;
  readonly result?: Result;
}

export type ReceiptStatus = "accepted" | "committed" | "superseded";

export interface Receipt {
  /** Names the change in every region. */
  readonly operation: string;
  /**
   * accepted: durable in its region, visible there, and on its way. committed: ordered by the log, and effective.
   * superseded: ordered, but newer writes won, over `lostFields` or all.
   */
  readonly status: ReceiptStatus;
  /** That took the change. */
  readonly region: string;
  /** In the log. */
  readonly position: Position | undefined;
  readonly result: Result | undefined;
  readonly lostFields: readonly string[];
  /** It was an earlier try of the same change that this answers. */
  readonly isReplayed: boolean;
  /**
   * Waits until the log has ordered it.
   * @throws {ForebayError} where the log has rejected it: another region had the Idempotency-Key for another request before.
   * @throws {ForebayError} unreachable, where nobody has said so before the deadline; it is on its way all the same.
   */
  committed(options?: CallOptions): Promise<Receipt>;
}

/** @throws {ForebayError} invalid-key, unstorable-value. */
export function writeRequest(collection: string, key: string, write: object) {
  return {
    method: "PATCH",
    path: `/v1/collections/${collection}/records/${keyInPath(key)}`,
    body: bodyOf(write),
    isTake: (write as { readonly take?: unknown }).take !== undefined,
  };
}

/** @throws {ForebayError} invalid-key: what no URL can have as a part of its path. */
export function keyInPath(key: string): string {
  try {
    if (!/^\.{0,2}$/.test(key)) return encodeURIComponent(key);
  } catch {
    // Half a surrogate pair.
  }
  throw unsent("invalid-key", `no URL can name a record ${JSON.stringify(key)}`);
}

/** @throws {ForebayError} invalid-idempotency-key: what no header can have. */
export function checkIdempotencyKey(key: string): void {
  if (/^[ -~]+$/.test(key)) return;
  throw unsent(
    "invalid-idempotency-key",
    "an Idempotency-Key has printable ASCII characters, and one at least",
  );
}

/** @throws {ForebayError} unstorable-value: what JSON has no text for. */
export function bodyOf(change: object): string {
  try {
    return JSON.stringify(change);
  } catch (cause) {
    throw unsent("unstorable-value", `JSON can't tell the change: ${(cause as Error).message}`);
  }
}

const LOOK_MS_BASE = 20;
const LOOK_MS_MAX = 1_000;

export function receiptOf(sender: Sender, body: unknown): Receipt {
  const answer = body as Answer;
  const receipt: Receipt = {
    operation: answer.operation,
    status: answer.status as ReceiptStatus,
    region: answer.region ?? "",
    position: answer.position,
    result: answer.result,
    lostFields: answer.lost_fields ?? [],
    isReplayed: answer.replayed === true,
    async committed(options = {}) {
      return answer.status === "accepted" ? awaitCommitted(sender, answer.operation, options) : receipt;
    },
  };
  return receipt;
}

async function awaitCommitted(sender: Sender, operation: string, options: CallOptions): Promise<Receipt> {
  const { platform } = sender;
  const { deadlineMs = sender.deadlineMs, signal } = options;
  const untilMs = platform.nowMs() + deadlineMs;
  for (let looks = 0; ; looks += 1) {
    const leftMs = untilMs - platform.nowMs();
    const found = await lookForOperation(sender, operation, { ...options, deadlineMs: Math.max(1, leftMs) });
    if (found !== undefined && found.status !== "accepted") return receiptOf(sender, settled(found));
    const pauseMs = Math.min(LOOK_MS_MAX, LOOK_MS_BASE * 1.5 ** Math.min(looks, 12));
    const delayMs = pauseMs * (0.5 + platform.random() / 2);
    if (platform.nowMs() + delayMs >= untilMs) throw notYet(operation);
    await sleep(platform, delayMs, signal);
  }
}

/** undefined where the region that was asked has not heard of it yet: another one has taken it. */
async function lookForOperation(
  sender: Sender,
  operation: string,
  options: CallOptions,
): Promise<Answer | undefined> {
  try {
    return (await sender.send({ method: "GET", path: `/v1/operations/${operation}` }, options)) as Answer;
  } catch (error) {
    if (error instanceof ForebayError && error.is("operation-not-found")) return undefined;
    throw error;
  }
}

/** @throws {ForebayError} with the code of what stood against it. */
function settled(answer: Answer & Rejected): Answer {
  if (answer.status === "rejected") throw rejectionOf(answer);
  return answer;
}

function notYet(operation: string): ForebayError {
  const detail =
    "no region has told before the deadline that the log has ordered it; it is durable, and on its way";
  return new ForebayError({ code: "unreachable", status: 0, retry: "ask", detail, operation });
}
