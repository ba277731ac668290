/** One region process of forebay: start → wait until it is ready → stop gracefully. */
import { REGION_NODE_OPTIONS } from "../../services/runtime/node-options.ts";
import { Child, describeExit, type ChildExit } from "./child.ts";
import { StartError, messageOf } from "./errors.ts";
import { LOOPBACK } from "./ports.ts";
import type { RunRecords } from "./run-records.ts";
import { GiveUpError, waitFor } from "./wait.ts";

/** Paths of files with `user:password`. */
export interface NatsCredentialFiles {
  readonly region: string;
  readonly maintenance: string;
}

export interface RegionProcessOptions {
  readonly region: string;
  /** Tells several processes of one region apart in logs and records: `eu`, `eu-gateway-2`. */
  readonly name: string;
  /** The script to run. */
  readonly entryPath: string;
  readonly topologyPath: string;
  readonly httpPort: number;
  readonly postgresUrl: string;
  readonly natsUrl: string;
  readonly natsCredentials: NatsCredentialFiles;
  readonly natsCaFile: string | undefined;
  readonly natsMonitorUrl: string;
  readonly sessionSecret: string;
  readonly logLevel: string;
  /** Added to what every start gets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly records: RunRecords;
}

/** Of one start alone. */
export interface StartOptions {
  /** Added to what every start gets. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The script to run in place of the usual one: of another release. */
  readonly entryPath?: string;
}

const READY_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 2_000;
/** Longer than a process takes at most, with the notice that a test may have it give. */
const STOP_GRACE_MS = 20_000;

export class RegionProcess {
  readonly name: string;
  readonly url: string;
  readonly #options: RegionProcessOptions;
  #child: Child | undefined;
  #isDrained = false;

  constructor(options: RegionProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.url = `http://${LOOPBACK}:${options.httpPort}`;
  }

  get pid(): number | undefined {
    return this.#child?.isRunning === true ? this.#child.pid : undefined;
  }

  /** Whether it was started although its region is drained, and takes no writes until somebody undrains it. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Resolves when the process that was started last has ended. */
  get exited(): Promise<ChildExit> | undefined {
    return this.#child?.exited;
  }

  /**
   * Starts the process and returns once it says that it is ready.
   * @throws {StartError} when it ends or is not ready in time, with the end of its log.
   */
  async start(options: StartOptions = {}, signal?: AbortSignal): Promise<void> {
    if (this.pid !== undefined) {
      return;
    }
    await this.launch(options);
    await this.waitUntilReady(signal);
  }

  /** Starts the process without waiting for anything. */
  async launch({ environment, entryPath }: StartOptions = {}): Promise<void> {
    const { logPath, name, records } = this.#options;
    const child = await Child.spawn({
      command: process.execPath,
      args: [...REGION_NODE_OPTIONS, entryPath ?? this.#options.entryPath],
      logPath,
      environment: { ...process.env, ...this.#environment(), ...this.#options.environment, ...environment },
      hasChannel: true,
    });
    this.#child = child;
    records.add(`region-${name}`, child.pid, "SIGTERM");
  }

  /** @throws {StartError} as `start` does. */
  async waitUntilReady(signal?: AbortSignal): Promise<void> {
    const child = this.#child;
    const probe = async (): Promise<true> => {
      if (child === undefined || !child.isRunning) {
        const end = child === undefined ? "was not started" : describeExit(await child.exited);
        throw new GiveUpError(new StartError(`it ${end}`));
      }
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
      const text = await response.text();
      this.#isDrained = isOnlyDrained(text);
      if (!response.ok && !this.#isDrained && !waitsToBeAdded(text)) {
        throw new Error(`answers ${response.status} ${text.trim().slice(0, 200)}`);
      }
      return true;
    };
    try {
      await waitFor(probe, { what: "ready answer", timeoutMs: READY_TIMEOUT_MS, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw new StartError(
        `region process ${this.#options.name} did not become ready: ${messageOf(error)}; ` +
          `its log ${this.#options.logPath} ends with:\n${child?.lastWords() ?? ""}`,
        { cause: error },
      );
    }
  }

  get isPaused(): boolean {
    return this.#child?.isPaused === true;
  }

  /** Freezes the process: connections are accepted by the system, and nothing answers. */
  pause(): void {
    this.#child?.pause();
  }

  resume(): void {
    this.#child?.resume();
  }

  async stop(): Promise<void> {
    await this.#child?.stop("SIGTERM", STOP_GRACE_MS);
    this.#options.records.remove(`region-${this.#options.name}`);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
    this.#options.records.remove(`region-${this.#options.name}`);
  }

  #environment(): Readonly<Record<string, string>> {
    const { region, topologyPath, httpPort, postgresUrl, natsUrl, natsMonitorUrl } = this.#options;
    const { natsCredentials, natsCaFile } = this.#options;
    return {
      FOREBAY_REGION: region,
      FOREBAY_TOPOLOGY: topologyPath,
      FOREBAY_HTTP_HOST: LOOPBACK,
      FOREBAY_HTTP_PORT: String(httpPort),
      FOREBAY_POSTGRES_URL: postgresUrl,
      FOREBAY_NATS_URL: natsUrl,
      FOREBAY_NATS_CREDENTIALS_FILE: natsCredentials.region,
      FOREBAY_NATS_TRIM_CREDENTIALS_FILE: natsCredentials.maintenance,
      ...(natsCaFile === undefined ? {} : { FOREBAY_NATS_CA_FILE: natsCaFile }),
      FOREBAY_NATS_MONITOR_URL: natsMonitorUrl,
      FOREBAY_SESSION_SECRET: this.#options.sessionSecret,
      FOREBAY_LOG_LEVEL: this.#options.logLevel,
      // Nobody here balances by /readyz, unless the environment that is added says so.
      FOREBAY_STOP_NOTICE_MS: "0",
      // Should the cluster's own process be killed, its region processes notice by the closed channel.
      FOREBAY_EXIT_WITH_PARENT: "1",
    };
  }
}

/** It has started, and folds the log; that it takes part is somebody else's to say. */
function waitsToBeAdded(text: string): boolean {
  return /is no member of the cluster|was removed from the cluster/.test(text);
}

/** Somebody wants it so: a region that is drained has started when nothing else is in its way. */
function isOnlyDrained(text: string): boolean {
  try {
    return (JSON.parse(text) as { draining?: unknown }).draining === true;
  } catch {
    return false;
  }
}
