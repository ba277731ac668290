import { expect, it } from "vitest";
import type { Clock } from "../../../services/ports/clock.ts";
import { silentLogger, type Logger } from "../../../services/runtime/logger.ts";
import { Traces, type Span, type TracedStep } from "../../../services/runtime/traces.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SAMPLED = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

function rig() {
  const lines: (readonly [string, object])[] = [];
  const spans: Span[] = [];
  const time = { nowMs: 1_000 };
  const logger: Logger = {
    ...silentLogger,
    info: (fields) => void lines.push(["info", fields]),
    debug: (fields) => void lines.push(["debug", fields]),
  };
  const clock = { nowMs: () => 1_700_000_000_000, monotonicMs: () => time.nowMs } as Clock;
  const exporter = { add: (span: Span) => void spans.push(span) };
  return { lines, spans, time, traces: new Traces({ region: "eu", clock, logger, exporter }) };
}

const step = (more: Partial<TracedStep> = {}): TracedStep => {
  return {
    stage: "fold",
    trace: SAMPLED,
    operation: "o1",
    partition: 0,
    startedAtMs: 990,
    position: 7,
    ...more,
  };
};

it("a step is told with its operation, its place and its trace; at debug level where nobody records it", () => {
  const { lines, traces, spans } = rig();
  traces.step(step());
  traces.step(step({ trace: SAMPLED.replace(/01$/, "00") }));
  expect(lines.map(([level]) => level)).toEqual(["info", "debug"]);
  expect(lines[0]![1]).toEqual({
    region: "eu", partition: 0, operation: "o1", traceparent: SAMPLED, position: 7, took_ms: 10,
  }); // prettier-ignore
  expect(spans).toHaveLength(1);
});

it("a span is of the trace of the client, below its span, and the same for whoever tells of it", () => {
  const { spans, traces } = rig();
  traces.step(step());
  traces.step(step());
  traces.step(step({ stage: "accept" }));
  const [one, again, other] = spans;
  expect(one).toEqual(again);
  expect(one).toMatchObject({
    traceId: TRACE_ID,
    parentSpanId: "00f067aa0ba902b7",
    name: "forebay fold",
    startedAtMs: 1_700_000_000_000 - 10,
    endedAtMs: 1_700_000_000_000,
    attributes: { "forebay.operation": "o1", "forebay.partition": 0, "forebay.position": 7 },
  });
  expect(one!.spanId).toMatch(/^[0-9a-f]{16}$/);
  expect(other!.spanId).not.toBe(one!.spanId);
});

it("of a flood the first are told, and then how many were not", () => {
  const { lines, time, traces } = rig();
  for (let count = 0; count < 1_000; count += 1) traces.step(step());
  expect(lines).toHaveLength(50);
  time.nowMs += 100;
  traces.step(step());
  expect(lines).toHaveLength(51);
  expect(lines.at(-1)![1]).toMatchObject({ left_out: 950 });
});
