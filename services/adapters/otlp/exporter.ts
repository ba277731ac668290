/** Sends spans to an OpenTelemetry collector, as OTLP over HTTP in JSON. A collector that is away costs spans, nothing else. */
import type { Clock } from "../../ports/clock.ts";
import { describeError } from "../../runtime/describe-error.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Span, SpanExporter } from "../../runtime/traces.ts";

const QUEUE_MAX = 2_048;
const BATCH_MAX = 512;
const SEND_EVERY_MS = 1_000;
const SEND_TIMEOUT_MS = 5_000;
const KIND_INTERNAL = 1;

export interface OtlpExporterOptions {
  /** Of the collector, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly region: string;
  readonly software: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class OtlpExporter implements SpanExporter {
  readonly #options: OtlpExporterOptions;
  readonly #queue: Span[] = [];
  #leftOut = 0;
  #isFailing = false;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
  }

  add(span: Span): void {
    if (this.#queue.length >= QUEUE_MAX) this.#leftOut += 1;
    else this.#queue.push(span);
  }

  /** Sends until stopped; never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#options.clock.sleep(SEND_EVERY_MS, stop);
      while (this.#queue.length > 0 && (await this.#send(this.#queue.splice(0, BATCH_MAX))));
    }
  }

  /** Once: a span that is late is worth less than those that come. */
  async #send(spans: readonly Span[]): Promise<boolean> {
    const { url, logger } = this.#options;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.#bodyOf(spans)),
        signal: AbortSignal.timeout(SEND_TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`the collector answers ${response.status}`);
      if (this.#isFailing) logger.info({ left_out: this.#leftOut }, "spans are exported again");
      [this.#isFailing, this.#leftOut] = [false, 0];
      return true;
    } catch (error) {
      this.#leftOut += spans.length;
      if (!this.#isFailing) logger.warn({ error: describeError(error) }, "spans can't be exported");
      this.#isFailing = true;
      return false;
    }
  }

  #bodyOf(spans: readonly Span[]): object {
    const { region, software } = this.#options;
    const attributes = { "service.name": "forebay", "service.version": software, "forebay.region": region };
    const scope = { name: "forebay", version: software };
    const resource = { attributes: attributesOf(attributes) };
    return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: spans.map(spanOf) }] }] };
  }
}

function spanOf({ traceId, spanId, parentSpanId, name, startedAtMs, endedAtMs, attributes }: Span): object {
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind: KIND_INTERNAL,
    startTimeUnixNano: nanosecondsOf(startedAtMs),
    endTimeUnixNano: nanosecondsOf(endedAtMs),
    attributes: attributesOf(attributes),
  };
}

/** Integers of 64 bits are text in OTLP's JSON. */
function nanosecondsOf(milliseconds: number): string {
  return `${Math.round(milliseconds * 1_000)}000`;
}

function attributesOf(attributes: { readonly [name: string]: string | number }): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));
}
