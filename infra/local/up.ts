/** What `forebay up` does: bring the cluster up, tell where it is, and stop all of it when asked to. */
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { LocalCluster } from "./cluster.ts";
import type { LocalClusterOptions } from "./cluster-options.ts";
import { messageOf } from "./errors.ts";
import { Progress, type ProgressOutput } from "./progress.ts";
import { onStopSignal } from "./stop-signals.ts";

export interface UpOptions {
  /** The data folder. Default `.forebay`. */
  readonly data?: string;
  readonly portBase?: number;
  readonly fresh?: boolean;
  /** The path of a topology file. Default: `regions/local.yaml` of the package. */
  readonly topology?: string;
  readonly latency?: "on" | "off";
  /** A PostgreSQL to use instead of own servers. Default: FOREBAY_POSTGRES_ADMIN_URL, if set. */
  readonly postgresUrl?: string;
  readonly tls?: boolean;
  readonly migrate?: LocalClusterOptions["migrate"];
  readonly regionProcesses?: boolean;
  readonly regionEntry?: string;
  readonly logLevel?: string;
  /** Where lines go. Default: standard output. */
  readonly output?: ProgressOutput;
}

const DATA_FOLDER = ".forebay";
const EXIT_OK = 0;
const EXIT_FAILED = 1;

/**
 * Runs a cluster until SIGINT, SIGTERM or SIGHUP; a second one ends everything by force.
 * @returns the exit code: 0 after a clean stop, 1 when it could not be started or stopped. Never throws for those.
 */
export async function runUp(options: UpOptions = {}): Promise<number> {
  const progress = new Progress(options.output ?? process.stdout);
  const signals = listenForStop((text) => progress.line(text));
  try {
    const cluster = await LocalCluster.start({
      ...clusterOptions(options),
      onStep: progress.onStep,
      signal: signals.stop,
      forceSignal: signals.force,
    });
    tellReady(cluster, progress);
    await aborted(signals.stop);
    await cluster.stop();
    progress.line("forebay: stopped");
    return EXIT_OK;
  } catch (error) {
    if (signals.stop.aborted && error === signals.stop.reason) {
      progress.line("forebay: stopped before it was ready");
      return EXIT_OK;
    }
    progress.line(`forebay: ${messageOf(error)}`);
    return EXIT_FAILED;
  } finally {
    signals.dispose();
  }
}

function clusterOptions(options: UpOptions): LocalClusterOptions {
  const postgresAdminUrl = options.postgresUrl ?? process.env["FOREBAY_POSTGRES_ADMIN_URL"];
  return {
    dataFolder: options.data ?? DATA_FOLDER,
    topology: options.topology ?? join(packageRoot(), "regions", "local.yaml"),
    fresh: options.fresh ?? false,
    latency: options.latency !== "off",
    supervise: true,
    control: true,
    regionProcesses: options.regionProcesses ?? true,
    tls: options.tls ?? false,
    ...(options.portBase === undefined ? {} : { portBase: options.portBase }),
    ...(postgresAdminUrl ? { postgresAdminUrl } : {}),
    ...(options.migrate === undefined ? {} : { migrate: options.migrate }),
    ...(options.regionEntry === undefined ? {} : { regionEntry: options.regionEntry }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  };
}

function tellReady(cluster: LocalCluster, progress: Progress): void {
  for (const { name, url } of cluster.regions) {
    progress.line(`region ${name.padEnd(8)} ${url}`);
  }
  if (cluster.key !== undefined) {
    progress.line(`development key ${cluster.key}`);
    progress.line(`console  ${cluster.regions[0]!.url}/console#key=${cluster.key}`);
  }
  progress.line("Ctrl-C stops it; what was written stays, and the next start goes on from there.");
  progress.line("forebay: ready");
}

interface StopSignals {
  readonly stop: AbortSignal;
  readonly force: AbortSignal;
  dispose(): void;
}

/** The first signal asks for an orderly stop, the second for one at once. */
function listenForStop(say: (text: string) => void): StopSignals {
  const stop = new AbortController();
  const force = new AbortController();
  const ignoreSignals = onStopSignal((signal) => {
    if (stop.signal.aborted) {
      say(`forebay: ${signal} again, ending everything by force`);
      force.abort();
    } else {
      say(`forebay: ${signal}, stopping`);
      stop.abort();
    }
  });
  return {
    stop: stop.signal,
    force: force.signal,
    dispose: () => {
      ignoreSignals();
    },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    // An abort listener alone does not keep the process alive, but the signal handlers' handles don't either.
    const keepAlive = setInterval(() => undefined, 60_000);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    clearInterval(keepAlive);
  }
}
