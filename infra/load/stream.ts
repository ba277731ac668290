/** One stream of a load: sends what is due, keeps what can't be sent yet in a bounded queue, records what became of it. */
import { verdictOf, type Verdict } from "./answer.ts";
import { ConnectionPool, type Ending } from "./connection.ts";
import type { Pace } from "./pace.ts";
import {
  CONNECTIONS_MAX_DEFAULT,
  idempotencyKeyOf,
  QUEUE_MAX_DEFAULT,
  requestOf,
  TIMEOUT_MS_DEFAULT,
  type StreamPlan,
} from "./plan.ts";
import { StreamRecord, type Outcome } from "./record.ts";
import { linesText, TOGETHER_HEADERS, verdictsOf } from "./together.ts";

interface Due {
  readonly number: number;
  tries: number;
  /** A try before may have taken effect: a refusal of a later one proves nothing. */
  isDoubtful: boolean;
}

export interface StreamOptions {
  readonly plan: StreamPlan;
  readonly pace: Pace;
  /** Milliseconds from the start of the load. */
  readonly now: () => number;
  /** Told of every outcome, as it becomes known. */
  readonly onOutcome: (outcome: Outcome, latencyMs: number, detail: string) => void;
}

export class PacedStream {
  readonly record: StreamRecord;
  readonly #options: StreamOptions;
  readonly #pools: readonly ConnectionPool[];
  readonly #queue: Due[] = [];
  readonly #heads: readonly string[];
  readonly #headTogether: string;
  #inFlight = 0;
  /** Each has at least one that is in flight. */
  #requests = 0;

  constructor(options: StreamOptions) {
    const { plan, pace, now } = options;
    this.#options = options;
    this.record = new StreamRecord(plan, pace);
    const connectionsMax = plan.connectionsMax ?? CONNECTIONS_MAX_DEFAULT;
    this.#pools = plan.urls.map((url) => new ConnectionPool(url, { connectionsMax, now }));
    this.#heads = plan.urls.map((url) => headOf(url, plan.headers ?? {}));
    this.#headTogether = headOf(plan.urls[0] ?? "", { ...plan.headers, ...TOGETHER_HEADERS });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Whether every request that was due has an outcome. */
  get isSettled(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0;
  }

  /** Sends all that is due by now. */
  sendDue(): void {
    const { pace, now, plan } = this.#options;
    const queueMax = plan.queueMax ?? QUEUE_MAX_DEFAULT;
    for (let due = pace.dueBy(now()) - this.record.count; due > 0; due -= 1) {
      const request: Due = { number: this.record.begin(), tries: 0, isDoubtful: false };
      if (this.#queue.length >= queueMax) {
        this.#finish(request, { outcome: "not-sent", detail: "the load's queue was full" });
      } else {
        this.#queue.push(request);
      }
    }
    this.#sendQueued();
  }

  /** When the next request is due. */
  get nextDueAtMs(): number {
    return this.record.dueAtMs(this.record.count);
  }

  /** Makes all connections. */
  async warm(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.warm()));
  }

  sweep(): void {
    for (const pool of this.#pools) pool.sweep();
    this.#sendQueued();
  }

  close(): void {
    for (const pool of this.#pools) pool.close();
  }

  #sendQueued(): void {
    const { linesMax = 1, requestsMax = Infinity } = this.#options.plan.together ?? {};
    while (this.#queue.length > 0 && this.#requests < requestsMax && this.#poolFor(this.#queue[0]!).hasRoom)
      this.#send(this.#queue.splice(0, linesMax));
  }

  #placeOf({ tries }: Due): number {
    return tries % this.#pools.length;
  }

  #poolFor(due: Due): ConnectionPool {
    return this.#pools[this.#placeOf(due)]!;
  }

  #send(all: readonly Due[]): void {
    const { plan, now } = this.#options;
    const [first] = all as readonly [Due];
    const pool = this.#poolFor(first);
    const data = all.length === 1 ? this.#textOf(first) : this.#textTogether(all);
    for (const due of all) due.tries += 1;
    this.#inFlight += all.length;
    this.#requests += 1;
    const giveUpAtMs = now() + (plan.timeoutMs ?? TIMEOUT_MS_DEFAULT);
    pool.send(data, { giveUpAtMs, end: (ending) => this.#ended(all, ending) });
  }

  #textTogether(all: readonly Due[]): Buffer {
    const { plan } = this.#options;
    const lines = all.map(({ number }) => {
      const { key = "", body } = requestOf(plan, number);
      return { idempotencyKey: idempotencyKeyOf(plan.idempotencyPrefix ?? "", number), key, body };
    });
    return messageOf(`POST ${plan.together!.path}`, this.#headTogether, linesText(lines));
  }

  #textOf(due: Due): Buffer {
    const { plan } = this.#options;
    const { method, path, body } = requestOf(plan, due.number);
    const prefix = plan.idempotencyPrefix;
    const key = prefix === undefined ? "" : `Idempotency-Key: ${idempotencyKeyOf(prefix, due.number)}\r\n`;
    const head = this.#heads[this.#placeOf(due)]!;
    return messageOf(`${method} ${path}`, `${head}${key}`, body);
  }

  #ended(all: readonly Due[], ending: Ending): void {
    this.#inFlight -= all.length;
    this.#requests -= 1;
    const verdicts = verdictsIn(ending, all.length);
    // From behind, since each that goes again goes to the front.
    for (const [index, due] of [...all.entries()].toReversed()) this.#judge(due, verdicts[index]!);
    this.#sendQueued();
  }

  #judge(due: Due, verdict: Verdict): void {
    if (verdict.expiresAtMs !== undefined) this.record.noteExpiry(due.number, verdict.expiresAtMs);
    if (verdict.outcome === "unknown") due.isDoubtful = true;
    if (verdict.isWorthRetrying && due.tries < (this.#options.plan.triesMax ?? 1)) this.#queue.unshift(due);
    else this.#finish(due, verdict);
  }

  #finish(due: Due, { outcome, detail }: Pick<Verdict, "outcome" | "detail">): void {
    const { now, onOutcome } = this.#options;
    const latencyMs = now() - this.record.dueAtMs(due.number);
    const told = outcome === "refused" && due.isDoubtful ? "unknown" : outcome;
    this.record.finish(due.number, { outcome: told, detail, latencyMs, tries: due.tries });
    onOutcome(told, latencyMs, detail);
  }
}

function verdictsIn(ending: Ending, count: number): readonly Verdict[] {
  if (!("answer" in ending)) return Array.from({ length: count }, () => withoutAnswer(ending));
  return count === 1 ? [verdictOf(ending.answer)] : verdictsOf(ending.answer, count);
}

function messageOf(start: string, head: string, body: string): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return Buffer.from(`${start} HTTP/1.1\r\n${head}${length}\r\n\r\n${body}`);
}

function withoutAnswer({ reason, isSent }: { reason: string; isSent: boolean }): Verdict {
  return { outcome: isSent ? "unknown" : "refused", detail: reason, isWorthRetrying: true };
}

function headOf(url: string, headers: Readonly<Record<string, string>>): string {
  const all = { Host: new URL(url).host, "Content-Type": "application/json", ...headers };
  return Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}
