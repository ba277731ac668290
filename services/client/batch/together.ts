/**
 * Changes in one request, in which each has a key and an end of its own. What is refused for now goes again, with what else
 * is, under its key and elsewhere, while there is time.
 */
import type { ImportAnswer } from "../../protocol/http/import.ts";
import { ForebayError, type ForebayErrorCode } from "../errors.ts";
import { sleep } from "../platform.ts";
import { receiptOf, type Receipt } from "../receipt.ts";
import { problemIn } from "../request/attempt.ts";
import { isFinal, NEW_CHASE, type Chase } from "../request/policy.ts";
import type { CallOptions, ClientRequest, Sender } from "../request/sender.ts";

export interface Line {
  /** With `id`, its key. */
  readonly text: string;
  /** The same in a request of its own, under its key. */
  readonly request: ClientRequest;
  /** Sends that, where a line can't tell enough of what became of it. */
  readonly alone?: () => Promise<Receipt>;
  readonly resolve: (receipt: Receipt | Promise<Receipt>) => void;
  readonly reject: (error: ForebayError) => void;
}

type Told = ImportAnswer["lines"][number];

const PAUSE_MS_BASE = 100;
const PAUSE_MS_MAX = 2_000;

export function lineText(id: string, key: string, body: string): string {
  return `${JSON.stringify({ id, key }).slice(0, -1)}${body === "{}" ? "" : ","}${body.slice(1)}`;
}

/**
 * @param onAnswered once the first request is answered, or has failed.
 * @throws the signal's reason; what becomes of the lines they are told.
 */
export async function sendTogether(
  sender: Sender,
  { collection, lines, onAnswered }: { collection: string; lines: readonly Line[]; onAnswered?: () => void },
  { deadlineMs = sender.deadlineMs, signal }: CallOptions = {},
): Promise<void> {
  const { platform } = sender;
  const untilMs = platform.nowMs() + deadlineMs;
  const path = `/v1/collections/${collection}/import`;
  const headers = { "content-type": "application/x-ndjson" };
  const doubted = new Set<Line>();
  let chase: Chase = NEW_CHASE;
  for (let open = lines, tries = 0; ; tries += 1) {
    const body = open.map(({ text }) => text).join("\n");
    const request = { method: "POST", path, body, headers, isBulk: true };
    const leftMs = Math.max(1, untilMs - platform.nowMs());
    const ran = await sender.run(request, { deadlineMs: leftMs, ...(signal && { signal }) }, { chase });
    onAnswered?.();
    const told = (ran.body as Partial<ImportAnswer> | undefined)?.lines ?? [];
    const pauseMs =
      Math.min(PAUSE_MS_MAX, PAUSE_MS_BASE * 2 ** Math.min(tries, 6)) * (0.5 + platform.random() / 2);
    const mayWait = platform.nowMs() + pauseMs < untilMs;
    open = open.filter((line, index) => {
      const error = ran.error ?? errorOf(told[index]);
      if (error?.retry === "ask") doubted.add(line);
      if (ran.error === undefined && error !== undefined && error.retry !== "never" && mayWait) return true;
      const isInDoubt = ran.chase.isInDoubt || doubted.has(line);
      settle(sender, line, { ...ran, error, chase: { ...ran.chase, isInDoubt }, told: told[index] });
      return false;
    });
    if (open.length === 0) return;
    // Another region may take it; whatever may have taken effect before stays in doubt.
    chase = { ...ran.chase, tried: [ran.region!] };
    await sleep(platform, pauseMs, signal);
  }
}

interface End {
  readonly error: ForebayError | undefined;
  readonly chase: Chase;
  readonly told: Told | undefined;
  readonly region?: string;
}

function settle(sender: Sender, line: Line, { error, chase, told, region }: End): void {
  const { alone, resolve, reject, request } = line;
  const isReplayed = told?.status !== "refused" && told?.replayed === true;
  // The request as a whole may be at fault, and no line of it.
  const isUntold = told === undefined && error?.retry === "never" && !chase.isInDoubt;
  if (alone !== undefined && (isReplayed || isUntold)) return resolve(alone());
  if (error === undefined) return resolve(receiptOf(sender, { ...told, region }));
  const isInDoubt = chase.isInDoubt && !isReplayed && !isFinal(error.problem);
  const { operation = chase.operation, expires_at_ms: expiresAtMs = chase.expiresAtMs } = error.problem;
  reject(sender.failure(request, { ...chase, isInDoubt, operation, expiresAtMs }, error));
}

function errorOf(told: Told | undefined): ForebayError | undefined {
  if (told === undefined) {
    return new ForebayError({
      code: "malformed-answer",
      status: 200,
      retry: "never",
      detail: "too few lines",
    });
  }
  if (told.status === "refused") return new ForebayError(problemIn(told.problem));
  if (told.status !== "rejected") return;
  const { code = "precondition-failed", operation } = told;
  const detail = "the log has rejected an earlier try of the same write";
  const rejected = {
    code: code as ForebayErrorCode,
    status: 409,
    retry: "never",
    detail,
    operation,
  } as const;
  return new ForebayError(rejected);
}
