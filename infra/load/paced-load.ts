/**
 * A paced load over HTTP: start → requests at fixed times, on a thread of its own → stop → the record of every request.
 *
 *     const load = await PacedLoad.start({ streams, secondsMax: 60 });
 *     load.onSecond((streams) => show(streams));
 *     const records = await load.stop();
 */
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../../services/runtime/package-root.ts";
import type { LiveSecond } from "./live.ts";
import type { LoadPlan } from "./plan.ts";
import { StreamRecord, type RecordData } from "./record.ts";
import type { FromWorker } from "./worker.ts";

export class PacedLoad {
  /** Every request has its outcome by then. Rejects when the thread fails. */
  readonly ended: Promise<readonly StreamRecord[]>;
  readonly #worker: Worker;
  readonly #startedAtEpochMs: number;
  readonly #listeners = new Set<(streams: readonly LiveSecond[]) => void>();

  private constructor(worker: Worker, startedAtEpochMs: number) {
    this.#worker = worker;
    this.#startedAtEpochMs = startedAtEpochMs;
    this.ended = new Promise((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", (message: FromWorker) => {
        if (message.type === "second") for (const listener of this.#listeners) listener(message.streams);
        if (message.type === "ended")
          resolve(message.records.map((data: RecordData) => StreamRecord.from(data)));
      });
    });
    // Whoever waits hears of a failure there.
    this.ended.catch(() => undefined);
  }

  /** Resolves when the first request is due. Needs the built package, since the thread runs from it. */
  static async start(plan: LoadPlan): Promise<PacedLoad> {
    const script = join(packageRoot(), "dist", "infra", "load", "worker.js");
    const worker = new Worker(script, { workerData: plan });
    const [message] = (await once(worker, "message")) as [FromWorker];
    if (message.type !== "started") throw new Error(`a load began with ${message.type}`);
    return new PacedLoad(worker, message.atEpochMs);
  }

  /** How long it has been running: the clock of the record's times. */
  elapsedMs(): number {
    return performance.timeOrigin + performance.now() - this.#startedAtEpochMs;
  }

  /** Calls back every second with what became known in it. @returns takes it back. */
  onSecond(listener: (streams: readonly LiveSecond[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends no more, and resolves with the records once everything that was sent has its outcome. */
  stop(): Promise<readonly StreamRecord[]> {
    this.#worker.postMessage("stop");
    return this.ended;
  }

  /** Ends at once; what was under way stays without an outcome, and `ended` may never resolve. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}
