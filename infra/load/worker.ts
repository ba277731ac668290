/** The thread that a load runs on, so that nothing else delays its timers. Started by `paced-load.ts` with a plan. */
import { parentPort, workerData } from "node:worker_threads";
import { LiveCounter, type LiveSecond } from "./live.ts";
import { pacesOf } from "./pace.ts";
import type { LoadPlan } from "./plan.ts";
import type { RecordData } from "./record.ts";
import { PacedStream } from "./stream.ts";

export type FromWorker =
  | { readonly type: "started"; readonly atEpochMs: number }
  | { readonly type: "second"; readonly streams: readonly LiveSecond[] }
  | { readonly type: "ended"; readonly records: readonly RecordData[] };

const SWEEP_MS = 20;
const PAUSE_MS_MAX = 10;

/** Milliseconds since 1970, without the leaps of the system's clock, and the same in every thread of this process. */
const epochMs = (): number => performance.timeOrigin + performance.now();

interface Running {
  stop(): void;
}

async function run(plan: LoadPlan, tell: (message: FromWorker) => void): Promise<Running> {
  let startedAtMs = performance.now();
  const now = (): number => performance.now() - startedAtMs;
  const paces = pacesOf(plan.streams);
  const streams = plan.streams.map((stream, index) => {
    const counter = new LiveCounter();
    const onOutcome = counter.add.bind(counter);
    return { counter, paced: new PacedStream({ plan: stream, pace: paces[index]!, now, onOutcome }) };
  });
  await Promise.all(streams.map(({ paced }) => paced.warm()));
  startedAtMs = performance.now();
  let isSending = true;
  let second = 0;
  const tellSecond = (): void => {
    second += 1;
    const live = streams.map(({ counter, paced }) => {
      const { name, region, class: className } = paced.record;
      const { inFlight, queued } = paced;
      return { name, region, class: className, second, inFlight, queued, ...counter.take() };
    });
    tell({ type: "second", streams: live });
  };
  const sweeper = setInterval(() => {
    for (const { paced } of streams) paced.sweep();
  }, SWEEP_MS);
  const end = (): void => {
    clearInterval(sweeper);
    for (const { paced } of streams) paced.close();
    tell({ type: "ended", records: streams.map(({ paced }) => paced.record.toData()) });
  };
  const tick = (): void => {
    if (now() >= plan.secondsMax * 1_000) isSending = false;
    if (isSending) for (const { paced } of streams) paced.sendDue();
    if (now() >= (second + 1) * 1_000) tellSecond();
    // Each request that was sent ends within its timeout, so this ends.
    if (!isSending && streams.every(({ paced }) => paced.isSettled)) return end();
    const nextMs = Math.min(...streams.map(({ paced }) => paced.nextDueAtMs)) - now();
    setTimeout(tick, isSending ? Math.min(Math.max(1, nextMs), PAUSE_MS_MAX) : PAUSE_MS_MAX);
  };
  tell({ type: "started", atEpochMs: epochMs() });
  tick();
  return { stop: () => (isSending = false) };
}

if (parentPort !== null) {
  const port = parentPort;
  const running = run(workerData as LoadPlan, (message) => {
    port.postMessage(message);
    // Nothing else keeps the thread alive then.
    if (message.type === "ended") port.close();
  });
  port.once("message", () => void running.then((load) => load.stop()));
}
