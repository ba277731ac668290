/**
 * Follows operations whose clients have sent a `traceparent`: a log line where each is accepted, published and folded, and a
 * span where they are exported. What comes faster than it may be told is counted, and told with the next line.
 */
import { sha256 } from "../core/hash.ts";
import { traceContextOf } from "../core/trace.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "./logger.ts";

export type TraceStage = "accept" | "publish" | "fold";

export interface TracedStep {
  readonly stage: TraceStage;
  readonly trace: string;
  readonly operation: string;
  readonly partition: number;
  /** On the monotonic clock; it has ended now. */
  readonly startedAtMs: number;
  /** In the log. */
  readonly position?: number | undefined;
}

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: { readonly [name: string]: string | number };
}

export interface SpanExporter {
  /** Never waits, and never throws: what there is no room for is left out. */
  add(span: Span): void;
}

export interface TraceObserver {
  step(step: TracedStep): void;
}

export const noTraces: TraceObserver = { step: () => undefined };

/** Lines in a second, and at once. */
const LINES_MAX = 50;

export interface TracesOptions {
  readonly region: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly exporter?: SpanExporter | undefined;
}

export class Traces implements TraceObserver {
  readonly #options: TracesOptions;
  /** What is not sampled is hardly ever written, and must not take the place of what is. */
  readonly #sampled: Lines;
  readonly #others: Lines;

  constructor(options: TracesOptions) {
    this.#options = options;
    const nowMs = options.clock.monotonicMs();
    this.#sampled = new Lines(nowMs);
    this.#others = new Lines(nowMs);
  }

  step({ stage, trace, operation, partition, startedAtMs, position }: TracedStep): void {
    const { region, clock, logger, exporter } = this.#options;
    const { traceId, parentId, isSampled } = traceContextOf(trace);
    const tookMs = clock.monotonicMs() - startedAtMs;
    const place = position === undefined ? {} : { position };
    const leftOut = (isSampled ? this.#sampled : this.#others).take(clock.monotonicMs());
    if (leftOut !== undefined) {
      const fields = {
        region,
        partition,
        operation,
        traceparent: trace,
        ...place,
        took_ms: tookMs,
        ...(leftOut > 0 && { left_out: leftOut }),
      };
      logger[isSampled ? "info" : "debug"](fields, `traced ${stage}`);
    }
    if (!isSampled || exporter === undefined) return;
    const endedAtMs = clock.nowMs();
    exporter.add({
      traceId,
      // The same for whoever tells of the same step: nothing has to be kept between them.
      spanId: sha256(`${stage} ${region} ${operation}`).slice(0, 16),
      parentSpanId: parentId,
      name: `forebay ${stage}`,
      startedAtMs: endedAtMs - tookMs,
      endedAtMs,
      attributes: {
        "forebay.operation": operation,
        "forebay.partition": partition,
        ...placeAttribute(position),
      },
    });
  }
}

/** So many lines a second. */
class Lines {
  #tokens = LINES_MAX;
  #filledAtMs: number;
  #leftOut = 0;

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  /** How many were left out since the last; undefined where this one has to be. */
  take(nowMs: number): number | undefined {
    this.#tokens = Math.min(LINES_MAX, this.#tokens + ((nowMs - this.#filledAtMs) * LINES_MAX) / 1_000);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) {
      this.#leftOut += 1;
      return undefined;
    }
    this.#tokens -= 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}

function placeAttribute(position: number | undefined): { readonly [name: string]: number } {
  return position === undefined ? {} : { "forebay.position": position };
}
