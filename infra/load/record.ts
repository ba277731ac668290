/**
 * The exact record of a stream: what became of each request, by its number. A few bytes each, so that minutes at full rate
 * fit, and a checker can say of every single write whether it may, must or must not be there.
 */
import { Pace } from "./pace.ts";

/**
 *   waiting     not answered yet
 *   succeeded   2xx
 *   refused     certainly without effect
 *   unknown     504, a broken connection, no answer in time: it may or may not have taken effect
 *   not-sent    the load's own queue was full
 */
export const OUTCOMES = ["waiting", "succeeded", "refused", "unknown", "not-sent"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Result {
  readonly outcome: Outcome;
  /** Status and problem code, such as `202` or `503 no-quorum`; or what happened to the connection. */
  readonly detail: string;
  /** From when it was due. */
  readonly latencyMs: number;
  readonly tries: number;
}

/** What goes from thread to thread. */
export interface RecordData {
  readonly name: string;
  readonly region: string;
  readonly class: string;
  readonly ratePerSecond: number;
  readonly offsetMs: number;
  readonly count: number;
  readonly outcomes: Uint8Array;
  readonly details: Uint16Array;
  readonly latenciesMs: Float32Array;
  readonly tries: Uint8Array;
  readonly detailNames: readonly string[];
  readonly expiresAtMs: ReadonlyMap<number, number>;
}

export type StreamName = Pick<RecordData, "name" | "region" | "class">;

const CAPACITY = 4_096;
/** A stream sees a handful of details; more than this are told as one. */
const DETAILS_MAX = 1_000;

export class StreamRecord implements StreamName {
  readonly name: string;
  readonly region: string;
  readonly class: string;
  readonly pace: Pace;
  #count = 0;
  #outcomes: Uint8Array;
  #details: Uint16Array;
  #latenciesMs: Float32Array;
  #tries: Uint8Array;
  readonly #detailNames: string[];
  readonly #detailNumbers: Map<string, number>;
  readonly #expiresAtMs: Map<number, number>;

  constructor(name: StreamName, pace: Pace, data?: RecordData) {
    this.name = name.name;
    this.region = name.region;
    this.class = name.class;
    this.pace = pace;
    this.#count = data?.count ?? 0;
    this.#outcomes = data?.outcomes ?? new Uint8Array(CAPACITY);
    this.#details = data?.details ?? new Uint16Array(CAPACITY);
    this.#latenciesMs = data?.latenciesMs ?? new Float32Array(CAPACITY);
    this.#tries = data?.tries ?? new Uint8Array(CAPACITY);
    this.#detailNames = [...(data?.detailNames ?? [])];
    this.#detailNumbers = new Map(this.#detailNames.map((detail, number) => [detail, number]));
    this.#expiresAtMs = new Map(data?.expiresAtMs);
  }

  static from(data: RecordData): StreamRecord {
    return new StreamRecord(data, new Pace(data), data);
  }

  /** Requests that have become due so far. */
  get count(): number {
    return this.#count;
  }

  /** The next request is due; returns its number. */
  begin(): number {
    const number = this.#count;
    if (number === this.#outcomes.length) this.#grow();
    this.#count += 1;
    return number;
  }

  finish(number: number, result: Result): void {
    this.#outcomes[number] = OUTCOMES.indexOf(result.outcome);
    this.#details[number] = this.#detailNumber(result.detail);
    this.#latenciesMs[number] = result.latencyMs;
    this.#tries[number] = Math.min(255, result.tries);
  }

  /** Until when the log may still take a request whose outcome is unknown, in log time. */
  noteExpiry(number: number, expiresAtMs: number): void {
    this.#expiresAtMs.set(number, Math.max(expiresAtMs, this.#expiresAtMs.get(number) ?? 0));
  }

  expiresAtMs(number: number): number | undefined {
    return this.#expiresAtMs.get(number);
  }

  outcome(number: number): Outcome {
    return OUTCOMES[this.#outcomes[number] ?? 0] ?? "waiting";
  }

  latencyMs(number: number): number {
    return this.#latenciesMs[number] ?? 0;
  }

  result(number: number): Result {
    return {
      outcome: this.outcome(number),
      detail: this.#detailNames[this.#details[number] ?? 0] ?? "",
      latencyMs: this.latencyMs(number),
      tries: this.#tries[number] ?? 0,
    };
  }

  dueAtMs(number: number): number {
    return this.pace.dueAtMs(number);
  }

  /** When the outcome was known, from the start of the load. */
  doneAtMs(number: number): number {
    return this.dueAtMs(number) + this.latencyMs(number);
  }

  toData(): RecordData {
    const { name, region, class: className, pace } = this;
    const count = this.#count;
    return {
      name,
      region,
      class: className,
      count,
      ratePerSecond: pace.ratePerSecond,
      offsetMs: pace.offsetMs,
      outcomes: this.#outcomes.slice(0, count),
      details: this.#details.slice(0, count),
      latenciesMs: this.#latenciesMs.slice(0, count),
      tries: this.#tries.slice(0, count),
      detailNames: this.#detailNames,
      expiresAtMs: this.#expiresAtMs,
    };
  }

  #detailNumber(detail: string): number {
    const known = this.#detailNumbers.get(detail);
    if (known !== undefined) return known;
    if (this.#detailNames.length > DETAILS_MAX) return this.#detailNames.length - 1;
    const name = this.#detailNames.length === DETAILS_MAX ? "other" : detail;
    this.#detailNumbers.set(name, this.#detailNames.length);
    return this.#detailNames.push(name) - 1;
  }

  #grow(): void {
    const length = Math.max(CAPACITY, this.#outcomes.length * 2);
    const grown = <T extends Uint8Array | Uint16Array | Float32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.#outcomes = grown(new Uint8Array(length), this.#outcomes);
    this.#details = grown(new Uint16Array(length), this.#details);
    this.#latenciesMs = grown(new Float32Array(length), this.#latenciesMs);
    this.#tries = grown(new Uint8Array(length), this.#tries);
  }
}
