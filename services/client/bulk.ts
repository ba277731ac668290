/** Many writes in few requests: each is a write of its own, with a key, a receipt or an error of its own. */
import type { ImportAnswer } from "../protocol/http/import.ts";
import { decidable } from "./define/collection.ts";
import type { Fields, Write } from "./define/types.ts";
import { ForebayError, OutcomeUnknownError, type ForebayErrorCode } from "./errors.ts";
import { sleep } from "./platform.ts";
import { receiptOf, type Receipt } from "./receipt.ts";
import { problemIn } from "./request/attempt.ts";
import type { CallOptions, Sender } from "./request/sender.ts";

export interface ManyWrite<F extends Fields> {
  readonly key: string;
  readonly write: Write<F>;
  /** Default: a new one. */
  readonly idempotencyKey?: string;
}

export type Written =
  | { readonly key: string; readonly receipt: Receipt; readonly error?: undefined }
  | { readonly key: string; readonly error: ForebayError; readonly receipt?: undefined };

/** What one request may have. */
const LINES_MAX = 500;
const CHARACTERS_MAX = 240_000;
const PAUSE_MS_BASE = 50;
const PAUSE_MS_MAX = 1_000;

export interface Line {
  readonly key: string;
  readonly id: string;
  readonly text: string;
}

/** In the order of the writes, some hundreds at a time. `options.deadlineMs` is that of one request with its retries. */
export async function* writeMany<F extends Fields>(
  sender: Sender,
  collection: string,
  {
    writes,
    ...options
  }: CallOptions & { readonly writes: Iterable<ManyWrite<F>> | AsyncIterable<ManyWrite<F>> },
): AsyncGenerator<Written, void, undefined> {
  let lines: Line[] = [];
  let characters = 0;
  for await (const write of writes) {
    const line = lineOf(sender, write);
    if (lines.length === LINES_MAX || (lines.length > 0 && characters + line.text.length > CHARACTERS_MAX)) {
      yield* await writeLines(sender, { collection, lines, options });
      [lines, characters] = [[], 0];
    }
    lines.push(line);
    characters += line.text.length;
  }
  if (lines.length > 0) yield* await writeLines(sender, { collection, lines, options });
}

export function lineOf<F extends Fields>(sender: Sender, { key, write, idempotencyKey }: ManyWrite<F>): Line {
  const id = idempotencyKey ?? sender.platform.uniqueName();
  return { key, id, text: JSON.stringify({ id, key, ...decidable(write) }) };
}

interface Request {
  readonly collection: string;
  readonly lines: readonly Line[];
  readonly options: CallOptions;
}

/** Lines that were refused for now are sent again, under their keys, until the deadline. */
export async function writeLines(sender: Sender, request: Request): Promise<Written[]> {
  const { platform } = sender;
  const { deadlineMs = sender.deadlineMs, signal } = request.options;
  const untilMs = platform.nowMs() + deadlineMs;
  const written = new Map<Line, Written>();
  const doubted = new Set<Line>();
  let open = request.lines;
  for (let tries = 0; open.length > 0; tries += 1) {
    const results = await tryLines(sender, { ...request, lines: open }, untilMs);
    for (const [index, line] of open.entries()) {
      const { error } = results[index]!;
      if (error?.retry === "ask") doubted.add(line);
      const isDoubt = error !== undefined && doubted.has(line) && error.problem.position === undefined;
      written.set(line, isDoubt ? inDoubt(sender, line, { request, error }) : results[index]!);
    }
    open = open.filter((_, index) => isPassing(results[index]!));
    const pauseMs =
      Math.min(PAUSE_MS_MAX, PAUSE_MS_BASE * 2 ** Math.min(tries, 6)) * (0.5 + platform.random() / 2);
    if (platform.nowMs() + pauseMs >= untilMs) break;
    if (open.length > 0) await sleep(platform, pauseMs, signal);
  }
  return request.lines.map((line) => written.get(line)!);
}

/** One request, which is itself retried as a whole. */
async function tryLines(
  sender: Sender,
  { collection, lines, options }: Request,
  untilMs: number,
): Promise<Written[]> {
  const path = `/v1/collections/${collection}/import`;
  const body = lines.map(({ text }) => text).join("\n");
  const headers = { "content-type": "application/x-ndjson" };
  const deadlineMs = Math.max(1, untilMs - sender.platform.nowMs());
  try {
    const request = { method: "POST", path, body, headers, isBulk: true };
    const answer = (await sender.send(request, { ...options, deadlineMs })) as ImportAnswer;
    return lines.map(({ key }, index) => writtenOf(sender, key, answer.lines[index]!));
  } catch (error) {
    if (!(error instanceof ForebayError)) throw error;
    return lines.map(({ key }) => ({ key, error }));
  }
}

/** Of the line alone; a request as a whole was tried until its deadline. */
function isPassing({ error }: Written): boolean {
  return error !== undefined && error.retry !== "never";
}

function inDoubt(
  sender: Sender,
  line: Line,
  { request, error }: { readonly request: Request; readonly error: ForebayError },
): Written {
  const settle = async (options: CallOptions = {}) => {
    const [result] = await writeLines(sender, { ...request, lines: [line], options });
    if (result!.error !== undefined) throw result!.error;
    return result!.receipt;
  };
  const doubt = { idempotencyKey: line.id, operation: error.operation, expiresAtMs: undefined, settle };
  return { key: line.key, error: new OutcomeUnknownError(doubt, error) };
}

function writtenOf(sender: Sender, key: string, told: ImportAnswer["lines"][number]): Written {
  if (told.status === "refused") {
    return { key, error: new ForebayError(problemIn(told.problem)) };
  }
  if (told.status !== "rejected") {
    return { key, receipt: receiptOf(sender, { ...told, region: sender.router.current }) };
  }
  const { code = "precondition-failed", operation } = told;
  const detail = "the log has rejected an earlier try of the same write";
  const problem = { code: code as ForebayErrorCode, status: 409, retry: "never", detail, operation } as const;
  return { key, error: new ForebayError(problem) };
}
