/** Spans go to a collector: here an HTTP server that keeps what it gets. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OtlpExporter } from "../../../../services/adapters/otlp/exporter.ts";
import { SystemClock } from "../../../../services/adapters/system/clock.ts";
import { silentLogger } from "../../../../services/runtime/logger.ts";
import type { Span } from "../../../../services/runtime/traces.ts";

const SPAN: Span = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "00f067aa0ba902b8",
  name: "forebay fold",
  startedAtMs: 1_700_000_000_000.25,
  endedAtMs: 1_700_000_000_001,
  attributes: { "forebay.operation": "o1", "forebay.partition": 0 },
};

interface Received {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string }[] };
    readonly scopeSpans: readonly { readonly spans: readonly { readonly traceId: string }[] }[];
  }[];
}

let server: Server;
let received: Received[];
let status: number;
let stop: AbortController;
let exporter: OtlpExporter;
let warnings: number;

beforeEach(async () => {
  [received, status, warnings, stop] = [[], 200, 0, new AbortController()];
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      received.push(JSON.parse(text) as Received);
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  // Without the pause between sends.
  const clock = Object.assign(new SystemClock(), {
    sleep: () => new Promise<void>((done) => setImmediate(done)),
  });
  const logger = { ...silentLogger, warn: () => void (warnings += 1) };
  exporter = new OtlpExporter({ url, region: "eu", software: "1.2.3", clock, logger });
  void exporter.run(stop.signal);
});

afterEach(() => {
  stop.abort();
  server.closeAllConnections();
  server.close();
});

const spansOf = ({ resourceSpans }: Received) => resourceSpans[0]!.scopeSpans[0]!.spans;

it("sends spans as OTLP has them", async () => {
  exporter.add(SPAN);
  await vi.waitFor(() => expect(received).toHaveLength(1));
  expect(received[0]!.resourceSpans[0]!.resource.attributes).toContainEqual({
    key: "forebay.region",
    value: { stringValue: "eu" },
  });
  expect(spansOf(received[0]!)).toEqual([
    {
      traceId: SPAN.traceId,
      spanId: SPAN.spanId,
      parentSpanId: SPAN.parentSpanId,
      name: "forebay fold",
      kind: 1,
      startTimeUnixNano: "1700000000000250000",
      endTimeUnixNano: "1700000000001000000",
      attributes: [
        { key: "forebay.operation", value: { stringValue: "o1" } },
        { key: "forebay.partition", value: { intValue: "0" } },
      ],
    },
  ]);
});

it("sends in bounded batches, and leaves out what there is no room for", async () => {
  for (let count = 0; count < 5_000; count += 1) exporter.add(SPAN);
  await vi.waitFor(() => expect(received).toHaveLength(4));
  expect(received.map((one) => spansOf(one).length)).toEqual([512, 512, 512, 512]);
});

it("goes on when the collector refuses, and says so once", async () => {
  status = 503;
  for (const wanted of [1, 2, 3]) {
    exporter.add(SPAN);
    await vi.waitFor(() => expect(received).toHaveLength(wanted));
  }
  status = 200;
  exporter.add(SPAN);
  await vi.waitFor(() => expect(received).toHaveLength(4));
  expect(warnings).toBe(1);
});
