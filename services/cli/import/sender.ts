/**
 * Sends lines until each is taken or refused for good. After any doubt the same lines are sent again under the same ids, so
 * that each takes effect once; what the region refuses for the moment is sent again after a pause.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { IMPORT_MEDIA_TYPE } from "../../protocol/http/headers.ts";
import type { ImportAnswer } from "../../protocol/http/import.ts";
import type { ProblemAnswer } from "../../protocol/http/answers.ts";
import type { ClusterRegion } from "../cluster.ts";
import { CommandError } from "../errors.ts";
import { callApi, collectionPath, ProblemAnsweredError, UnreachableError } from "../http.ts";

const TIMEOUT_MS = 30_000;
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 5_000;
/** Without one line being taken: long enough for an election or a restart. */
const PATIENCE_MS = 120_000;
/** Refusals of one line that others' acts could lift, such as an escrow that has too little left. */
const TRIES_MAX = 12;

/** What an id that was used for another line says to whoever imports. */
const CHANGED_SINCE =
  "the row was sent with other values within a day: --id NAME makes this another import, which takes all rows anew";

export interface Outgoing {
  readonly id: string;
  /** The line's JSON object without its id. */
  readonly text: string;
}

export type Fate = "accepted" | "replayed" | { readonly rejected: string };

export interface SenderOptions {
  readonly region: ClusterRegion;
  readonly collection: string;
  readonly signal: AbortSignal;
  /** The region has refused, or not answered: lines wait for so long. */
  readonly onWait: (reason: string, pauseMs: number) => void;
  /** Default: two minutes. */
  readonly patienceMs?: number;
  /** Of one line that only others' acts can help. Default: 12. */
  readonly triesMax?: number;
}

type Settled<Line> = (line: Line, fate: Fate) => void;

/** Lines that are to be sent again, and why. */
interface Told<Line> {
  readonly again: Trying<Line>[];
  readonly reason: string;
  readonly retryAfterMs: number;
}

interface Trying<Line> {
  readonly line: Line;
  /** Rises with each decision of the log that a new try needs a new id for. */
  generation: number;
  tries: number;
}

export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * @param settled called once for each line, in any order.
   * @throws {CommandError} the request is refused for good, or the region has not taken a line for too long.
   */
  async send<Line extends Outgoing>(lines: readonly Line[], settled: Settled<Line>): Promise<void> {
    await this.#send(
      lines.map((line) => ({ line, generation: 1, tries: 0 })),
      settled,
    );
  }

  async #send<Line extends Outgoing>(lines: Trying<Line>[], settled: Settled<Line>): Promise<void> {
    const { signal, onWait, patienceMs = PATIENCE_MS } = this.#options;
    let left = lines;
    let untilMs = performance.now() + patienceMs;
    for (let attempt = 0; left.length > 0; attempt += 1) {
      const told = await this.#try(left, settled);
      if (told === "too-large") {
        // One half after the other, so that rows of one key keep their order.
        const half = Math.ceil(left.length / 2);
        await this.#send(left.slice(0, half), settled);
        await this.#send(left.slice(half), settled);
        return;
      }
      const { again, reason, retryAfterMs } = told;
      if (again.length === 0) return;
      if (again.length < left.length) [attempt, untilMs] = [0, performance.now() + patienceMs];
      left = again;
      const pauseMs = pauseOf(attempt, retryAfterMs);
      onWait(reason, pauseMs);
      if (performance.now() > untilMs)
        throw new CommandError(`no row was taken for ${Math.round(patienceMs / 1_000)} s: ${reason}`);
      await sleep(pauseMs, undefined, { signal });
    }
  }

  async #try<Line extends Outgoing>(
    trying: Trying<Line>[],
    settled: Settled<Line>,
  ): Promise<Told<Line> | "too-large"> {
    let answer: ImportAnswer;
    try {
      answer = await this.#post(trying);
    } catch (error) {
      return this.#allTold(trying, settled, error);
    }
    const again: Trying<Line>[] = [];
    let reason = "";
    let retryAfterMs = 0;
    for (const [index, line] of trying.entries()) {
      const told = answer.lines[index];
      if (told === undefined) throw new CommandError("the region has answered fewer lines than it was sent");
      const fate = fateOf(told, line, this.#triesMax);
      if (fate !== "again") settled(line.line, fate);
      else {
        again.push(line);
        if (told.status !== "refused") continue;
        reason = told.problem.detail;
        retryAfterMs = Math.max(retryAfterMs, (told.retry_after_s ?? 0) * 1_000);
      }
    }
    return { again, reason, retryAfterMs };
  }

  /** What a request was refused for is what each of its lines has met. @throws what does not pass. */
  #allTold<Line extends Outgoing>(
    trying: Trying<Line>[],
    settled: Settled<Line>,
    error: unknown,
  ): Told<Line> | "too-large" {
    if (isTooLarge(error)) {
      if (trying.length > 1) return "too-large";
      settled(trying[0]!.line, { rejected: error.message });
      return { again: [], reason: "", retryAfterMs: 0 };
    }
    const passing = passingReason(error);
    if (!(error instanceof ProblemAnsweredError) || !isOfLines(error.problem))
      return { again: trying, ...passing };
    const again: Trying<Line>[] = [];
    for (const line of trying) {
      const fate = fateOfRefused(error.problem, line, this.#triesMax);
      if (fate === "again") again.push(line);
      else settled(line.line, fate);
    }
    return { again, ...passing };
  }

  get #triesMax(): number {
    return this.#options.triesMax ?? TRIES_MAX;
  }

  async #post(trying: readonly Trying<Outgoing>[]): Promise<ImportAnswer> {
    const { region, collection } = this.#options;
    const request = {
      method: "POST",
      path: `${collectionPath(collection)}/import`,
      text: { type: IMPORT_MEDIA_TYPE, body: trying.map(lineOf).join("") },
      timeoutMs: TIMEOUT_MS,
    };
    return (await callApi(region, request)).body as ImportAnswer;
  }
}

function isTooLarge(error: unknown): error is ProblemAnsweredError {
  return error instanceof ProblemAnsweredError && error.status === 413;
}

function isOfLines(problem: Partial<ProblemAnswer>): problem is ProblemAnswer {
  return problem.type !== undefined && problem.detail !== undefined && problem.retry === "same";
}

function lineOf({ line: { id, text }, generation }: Trying<Outgoing>): string {
  const named = generation === 1 ? id : `${id}~${generation}`;
  return `{"id":${JSON.stringify(named)},${text.slice(1)}\n`;
}

function fateOf(
  told: ImportAnswer["lines"][number],
  line: Trying<Outgoing>,
  triesMax: number,
): Fate | "again" {
  if (told.status === "refused") return fateOfRefused(told.problem, line, triesMax);
  if (told.status === "rejected")
    return { rejected: `the log has decided against it (${told.code ?? "rejected"})` };
  return told.replayed === true ? "replayed" : "accepted";
}

function fateOfRefused(problem: ProblemAnswer, line: Trying<Outgoing>, triesMax: number): Fate | "again" {
  const code = problem.type.split(":").at(-1);
  const isLiftedByOthers = problem.retry === "same" && problem.status === 409;
  if (isLiftedByOthers) line.tries += 1;
  if (problem.retry === "never" || line.tries >= triesMax) {
    const detail = code === "idempotency-key-reused" ? CHANGED_SINCE : problem.detail;
    return { rejected: `${detail} (${code})` };
  }
  // The log keeps what it has decided at a position under the id. Of what has expired it keeps nothing: under a new id, another
  // run, which begins with the first, would have the row taken again.
  if (problem.position !== undefined) line.generation += 1;
  return "again";
}

/** @throws what does not pass. */
function passingReason(error: unknown): { reason: string; retryAfterMs: number } {
  if (error instanceof UnreachableError) return { reason: error.message, retryAfterMs: 0 };
  if (error instanceof ProblemAnsweredError) {
    const { problem, message, retryAfterMs = 0 } = error;
    // A bug of the server, or a gateway before it, may pass; a request that is wrong stays so.
    if (
      problem.retry === "same" ||
      problem.retry === "ask" ||
      (problem.retry === undefined && error.status >= 500)
    ) {
      return { reason: message, retryAfterMs };
    }
  }
  throw error;
}

/** With full jitter above half, and not before the region wants it. */
function pauseOf(attempt: number, retryAfterMs: number): number {
  const ceiling = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(attempt, 10));
  return Math.max(retryAfterMs, ceiling / 2) + (Math.random() * ceiling) / 2;
}
