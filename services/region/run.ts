/** A region process: reads its configuration, runs until it is told to stop. */
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { InvalidCrashPointError } from "../adapters/system/crash-points.ts";
import { dumpOf, inspectConfig, type Inspection } from "../runtime/config/inspect.ts";
import { InvalidConfigError, type RegionConfig } from "../runtime/config.ts";
import { describeError } from "../runtime/describe-error.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { DEPARTURE_MS } from "./departure.ts";
import { RegionProcess } from "./region.ts";

const CONFIG_EXIT_CODE = 2;
/** Of a process that a signal has ended: this and the signal's number. */
const SIGNAL_EXIT_CODE = 128;
/**
 * How much the heap may grow beyond what was found alive before garbage is collected again. Left to itself V8 lets it
 * become several times as large where there is memory, and a backlog makes garbage by the gigabyte.
 */
const HEAP_GROWING_PERCENT = 150;

/** Runs until the process ends; what is wrong with its configuration ends it before it has begun. */
export async function runRegion(): Promise<void> {
  try {
    await start();
  } catch (error) {
    const text = error instanceof InvalidCrashPointError ? error.message : (error as Error).stack;
    process.stderr.write(`${text ?? describeError(error)}\n`);
    process.exit(1);
  }
}

async function start(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const { config, inspection } = configOrExit();
  const { region } = config;
  const logger = createLogger({ level: config.logLevel, fields: { region, pid: process.pid } });
  const fail = (error: unknown) => {
    logger.error(
      { error: describeError(error), stack: error instanceof Error ? error.stack : undefined },
      "fatal",
    );
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  logger.info({ config: dumpOf(inspection) }, "region process starts");
  for (const problem of inspection.unknown) logger.warn({ problem }, "the configuration has an unknown name");
  const regionProcess = new RegionProcess(config, logger);
  stopOnRequest(regionProcess, config, logger);
  await regionProcess.start(fail);
}

function configOrExit(): { readonly config: RegionConfig; readonly inspection: Inspection } {
  const inspection = inspectConfig(process.env, configFileOrExit());
  const { config, problems, unknown } = inspection;
  if (config !== undefined) return { config, inspection };
  process.stderr.write(`${new InvalidConfigError(problems, unknown).message}\n`);
  process.exit(CONFIG_EXIT_CODE);
}

function configFileOrExit(): string | undefined {
  try {
    return parseArgs({ options: { config: { type: "string" } } }).values.config;
  } catch (error) {
    process.stderr.write(`${describeError(error)}\nthe only option is --config FILE\n`);
    process.exit(CONFIG_EXIT_CODE);
  }
}

/** A second signal ends the process at once, as what a shell expects of a signal. */
function stopOnRequest(regionProcess: RegionProcess, config: RegionConfig, logger: Logger): void {
  let isStopping = false;
  const stop = (reason: string, isUrgent: boolean) => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ reason }, "region process stops");
    const stopMs = DEPARTURE_MS + (isUrgent ? 0 : config.http.stopNoticeMs);
    const overrun = setTimeout(() => {
      logger.warn({ stopMs }, "the stop took too long; what is left is cut off");
      process.exit(0);
    }, stopMs);
    void regionProcess.stop({ isUrgent }).then(() => {
      clearTimeout(overrun);
      logger.info({}, "region process has stopped");
      process.exit(0);
    });
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) {
        logger.warn({ signal }, "told to stop a second time: ends at once");
        process.exit(SIGNAL_EXIT_CODE + constants.signals[signal]);
      }
      // Whoever presses Ctrl-C has no balancer in front.
      stop(signal, signal === "SIGINT");
    });
  }
  if (config.exitWithParent) watchParent(() => stop("the parent process is gone", true));
}

/** The kernel closes the channel, or the pipe, when the parent ends, however it ends. */
function watchParent(onGone: () => void): void {
  if (process.connected) {
    process.on("disconnect", onGone);
    return;
  }
  process.stdin.on("end", onGone).on("error", onGone).resume();
}
