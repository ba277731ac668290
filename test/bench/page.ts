/**
 * `npm run bench -- page [--seconds N]`: the console's page in a browser, fed with 9 regions, 16 partitions and 30 days:
 * how long its thread is held at a time, how long a change of view takes, and what it keeps in memory.
 */
import type { Browser, CDPSession } from "playwright-core";
import { buildConsole } from "../../infra/build/console.ts";
import { launchBrowser } from "../integration/console/chromium.ts";
import { startFeedServer } from "../integration/console/feed-server.ts";
import { NINE_REGIONS, SimulatedCluster } from "../integration/console/simulated-cluster.ts";
import { positiveNumber, readOptions } from "./options.ts";
import { report, round } from "./report.ts";

const SECONDS_DEFAULT = 10;
const PARTITIONS = 16;
const VIEWS = ["overview", "lag", "buffers", "log", "load"] as const;
const MS_PER_SECOND = 1_000;
const MEGABYTE = 1024 ** 2;

export async function benchPage(words: readonly string[]): Promise<void> {
  const { seconds } = readOptions(words, ["seconds"]);
  const durationMs = MS_PER_SECOND * positiveNumber(seconds, "seconds", SECONDS_DEFAULT);
  const { folder } = await buildConsole();
  const cluster = new SimulatedCluster({ regions: NINE_REGIONS, partitions: PARTITIONS });
  const server = await startFeedServer(cluster, folder);
  const browser = await launchBrowser();
  try {
    for (const view of VIEWS)
      await measure(browser, `${server.url}/console#/${view}?span=30d`, { view, durationMs });
  } finally {
    await browser.close();
    await server.close();
  }
}

interface Measurement {
  readonly view: string;
  readonly durationMs: number;
}

async function measure(browser: Browser, url: string, { view, durationMs }: Measurement): Promise<void> {
  const page = await browser.newPage();
  try {
    await page.addInitScript(watchTasks);
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    const startedAtMs = performance.now();
    await page.goto(url);
    await page.locator("main h1").waitFor();
    const shownAfterMs = performance.now() - startedAtMs;
    await page.waitForTimeout(durationMs);
    const tasks = await page.evaluate(() => (globalThis as unknown as { longTasksMs: number[] }).longTasksMs);
    const { taskMs, heapBytes } = await usage(session);
    report("page", {
      view,
      regions: NINE_REGIONS.length,
      partitions: PARTITIONS,
      seconds: durationMs / MS_PER_SECOND,
      shown_after_ms: Math.round(shownAfterMs),
      tasks_above_50_ms: tasks.length,
      longest_task_ms: Math.round(Math.max(0, ...tasks)),
      core_share: round(taskMs / durationMs, 3),
      heap_megabytes: Math.round(heapBytes / MEGABYTE),
    });
  } finally {
    await page.close();
  }
}

/** Runs in the page, before anything else. */
function watchTasks(): void {
  const durations: number[] = [];
  (globalThis as unknown as { longTasksMs: number[] }).longTasksMs = durations;
  // Browsers have more types of entries than node knows.
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) durations.push(duration);
  }).observe({ type: "longtask" as "measure", buffered: true });
}

async function usage(session: CDPSession): Promise<{ readonly taskMs: number; readonly heapBytes: number }> {
  const { metrics } = await session.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return { taskMs: value("TaskDuration") * MS_PER_SECOND, heapBytes: value("JSHeapUsedSize") };
}
