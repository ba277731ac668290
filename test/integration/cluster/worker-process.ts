/** A lease-worker in a process of its own, which can be stopped in the middle of what it does, and continued. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "./bed.ts";

const SCRIPT = fileURLToPath(new URL("lease-worker.mjs", import.meta.url));

/** What the worker was answered, and the token that it has. */
export interface Told {
  readonly status: number;
  readonly body: { readonly [member: string]: unknown };
  readonly token?: string;
}

export interface WorkerOptions {
  readonly url: string;
  readonly holder: string;
  readonly lease: string;
  /** Path of the record that it writes. */
  readonly record: string;
  readonly ttlMs: number;
}

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  readonly #killAtExit = (): void => void this.#child.kill("SIGKILL");

  private constructor(options: WorkerOptions) {
    const { url, holder, lease, record, ttlMs } = options;
    this.#child = spawn(process.execPath, [SCRIPT, url, holder, lease, record, String(ttlMs)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("error", () => undefined);
    this.#child.on("message", (told: Told) => this.#told.push(told));
    // A stopped process hears nothing of the end of this one.
    process.once("exit", this.#killAtExit);
  }

  static async start(options: WorkerOptions): Promise<WorkerProcess> {
    const worker = new WorkerProcess(options);
    await worker.#next(0);
    return worker;
  }

  /** Answers that have come, with that of the start. */
  get answers(): number {
    return this.#told.length;
  }

  async do(task: "acquire" | "write"): Promise<Told> {
    const number = this.#told.length;
    this.order(task);
    return this.#next(number);
  }

  /** Does not wait: a worker that is stopped finds the task when it goes on. */
  order(task: "acquire" | "write"): void {
    this.#child.send({ task });
  }

  /** Stops the process where it is; returns once the system says that it has stopped. */
  async stop(): Promise<void> {
    this.#child.kill("SIGSTOP");
    await eventually(`process ${this.#child.pid} has stopped`, () => (this.#isStopped() ? true : undefined));
  }

  /** Lets it go on, and returns what it is answered next. */
  async goOn(): Promise<Told> {
    const number = this.#told.length;
    this.#child.kill("SIGCONT");
    return this.#next(number);
  }

  /** However it is, stopped too. */
  async end(): Promise<void> {
    process.off("exit", this.#killAtExit);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #next(number: number): Promise<Told> {
    return eventually("the worker has told what it was answered", () => this.#told[number]);
  }

  #isStopped(): boolean {
    const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(this.#child.pid)], { encoding: "utf8" });
    return stdout.trim().startsWith("T");
  }
}
