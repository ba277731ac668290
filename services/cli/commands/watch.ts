/** `forebay watch`: prints a record whenever its view changes. */
import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, type Command } from "commander";
import type { RecordAnswer } from "../../protocol/http/answers.ts";
import { findRegion, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import type { CommandError } from "../errors.ts";
import { callApi, ProblemAnsweredError, recordPath, UnreachableError } from "../http.ts";
import { formatRecord } from "./get.ts";

const INTERVAL_MS = 250;
const TIMEOUT_MS = 5_000;

export function addWatchCommand(program: Command): void {
  withCommonOptions(program.command("watch <collection> <key>"))
    .description("print a record whenever it changes, until Ctrl-C")
    .option("--interval <ms>", "time between looks", intervalOf, INTERVAL_MS)
    .action(async (collection: string, key: string, options: CommonOptions & { interval: number }) => {
      const stop = new AbortController();
      process.once("SIGINT", () => stop.abort());
      process.once("SIGTERM", () => stop.abort());
      await watchRecord({
        region: findRegion(options),
        path: recordPath(collection, key),
        intervalMs: options.interval,
        print: (text) => process.stdout.write(`${text}\n`),
        warn: (text) => process.stderr.write(`${text}\n`),
        stop: stop.signal,
      });
    });
}

export interface WatchOptions {
  readonly region: ClusterRegion;
  readonly path: string;
  readonly intervalMs: number;
  readonly print: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly stop: AbortSignal;
}

/** What was seen last: an ETag, or why there is no record to see. */
type Seen = { readonly etag: string } | { readonly trouble: string };

/** @throws {CommandError} for a problem that waiting doesn't change. */
export async function watchRecord(options: WatchOptions): Promise<void> {
  let seen: Seen | undefined;
  while (!options.stop.aborted) {
    seen = await look(options, seen);
    await sleep(options.intervalMs, undefined, { signal: options.stop }).catch(() => undefined);
  }
}

async function look(options: WatchOptions, seen: Seen | undefined): Promise<Seen | undefined> {
  const { region, path, print, warn } = options;
  const headers = seen !== undefined && "etag" in seen ? { "if-none-match": seen.etag } : {};
  try {
    const answer = await callApi(region, { path, headers, timeoutMs: TIMEOUT_MS });
    if (answer.status === 304) return seen;
    print(formatRecord(answer.body as RecordAnswer));
    return answer.etag === undefined ? undefined : { etag: answer.etag };
  } catch (error) {
    const trouble = passingTrouble(error);
    // The same trouble is told once, not at every look.
    if (seen === undefined || !("trouble" in seen) || seen.trouble !== trouble) warn(`forebay: ${trouble}`);
    return { trouble };
  }
}

/** @throws the error itself, when it will not pass. */
function passingTrouble(error: unknown): string {
  const mayPass =
    error instanceof UnreachableError ||
    (error instanceof ProblemAnsweredError && (error.status === 404 || error.status >= 500));
  if (mayPass) return (error as CommandError).message;
  throw error;
}

function intervalOf(text: string): number {
  const intervalMs = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (intervalMs >= 10) return intervalMs;
  throw new InvalidArgumentError("An interval is a number of milliseconds from 10.");
}
