/**
 * `npm run bench scrape`: how long Prometheus waits for `/metrics` of a region of 16 partitions and 9 regions. The server is
 * the real one, its metrics are all that a region registers, each with every set of labels.
 *
 * The limit of the same run: a bare server of node that answers with as many bytes, ready made.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SystemSecrets } from "../../services/adapters/system/secrets.ts";
import { ApiKeys } from "../../services/gateway/access/api-keys.ts";
import { SystemClock } from "../../services/adapters/system/clock.ts";
import { LateGateway } from "../../services/region/late-gateway.ts";
import { buildHttpServer } from "../../services/gateway/http/server.ts";
import { LogLevels } from "../../services/runtime/log-levels.ts";
import { silentFeedMetrics } from "../simulation/metrics.ts";
import { silentLogger } from "../../services/runtime/logger.ts";
import type { Meter } from "../../services/runtime/metrics.ts";
import { fullMetrics } from "../observability/full-metrics.ts";
import { StubDoctor } from "../unit/gateway-http/stub-doctor.ts";
import { median, report, round } from "./report.ts";
import { SessionTokens } from "../../services/gateway/http/session-tokens.ts";

const PARTITIONS = 16;
const REGIONS = ["eu", "us", "ap", "sa", "af", "in", "jp", "au", "ca"];
const WARM_UP = 20;
const SCRAPES = 200;
const BAR_MS = 20;

interface Times {
  readonly medianMs: number;
  readonly highMs: number;
}

export async function benchScrape(): Promise<void> {
  const meter = fullMetrics({ partitions: PARTITIONS, regions: REGIONS });
  const text = await meter.text();
  const server = await serve(meter);
  const bare = await serveBare(text);
  try {
    const scraped = await measure(`http://127.0.0.1:${server.port}/metrics`);
    const limit = await measure(`http://127.0.0.1:${(bare.address() as AddressInfo).port}/`);
    report("scrape", {
      partitions: PARTITIONS,
      regions: REGIONS.length,
      bytes: Buffer.byteLength(text),
      series: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
      median_ms: round(scraped.medianMs),
      p99_ms: round(scraped.highMs),
      bar_ms: BAR_MS,
      bare_median_ms: round(limit.medianMs),
      ratio_to_bare: round(scraped.medianMs / limit.medianMs),
    });
    if (scraped.medianMs > BAR_MS) process.exitCode = 1;
  } finally {
    await server.close();
    bare.closeAllConnections();
    bare.close();
  }
}

async function serve(meter: Meter): Promise<{ port: number; close: () => Promise<void> }> {
  const logger = { ...silentLogger, level: "info" };
  const gateway = new LateGateway("it is not asked for anything but metrics");
  const clock = new SystemClock();
  const server = await buildHttpServer({
    gateway,
    apiKeys: new ApiKeys({ gateway: () => gateway, clock, secrets: new SystemSecrets() }),
    logLevels: new LogLevels({ logger, configured: "info", clock: new SystemClock() }),
    doctor: new StubDoctor(),
    region: REGIONS[0]!,
    software: "0.0.0",
    sessionTokens: new SessionTokens("a secret that nobody uses, of 32 letters"),
    logger,
    metrics: { answered: () => undefined },
    feedMetrics: silentFeedMetrics,
    metricsText: () => meter.text(),
    readiness: () => [],
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  return { port, close: () => server.close(1_000) };
}

function serveBare(text: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8").end(text);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function measure(url: string): Promise<Times> {
  const timesMs: number[] = [];
  for (let scrape = -WARM_UP; scrape < SCRAPES; scrape += 1) {
    const startedAtMs = performance.now();
    await (await fetch(url)).arrayBuffer();
    if (scrape >= 0) timesMs.push(performance.now() - startedAtMs);
  }
  const sorted = timesMs.toSorted((one, other) => one - other);
  return { medianMs: median(timesMs), highMs: sorted[Math.floor(sorted.length * 0.99)]! };
}
