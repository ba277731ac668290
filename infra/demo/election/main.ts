/** `npm run demo:election [-- --short] [--rate N] [--figure PATH]`: see README.md beside this file. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { migrateDatabase } from "../../../services/adapters/postgres/migrate.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { LocalCluster } from "../../local/cluster.ts";
import { messageOf } from "../../local/errors.ts";
import { onStopSignal } from "../../local/stop-signals.ts";
import { makeTemporaryFolder } from "../../local/temporary-folder.ts";
import { HELP, readOptions, UsageError, type Options } from "./options.ts";
import { runDemo } from "./run.ts";
import { Screen } from "./screen.ts";
import { FULL_STORY, SHORT_STORY } from "./story.ts";

const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  let options: Options;
  try {
    options = readOptions(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`election: ${error.message}\n\n${HELP}`);
    return EXIT_USAGE;
  }
  if (options.help) {
    console.log(HELP);
    return EXIT_OK;
  }
  const screen = new Screen(process.stdout, { noColour: Boolean(process.env["NO_COLOR"]) });
  const { stop, force } = listenForStop(screen);
  try {
    return (await demonstrate(options, screen, { stop, force })) ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    screen.release();
    screen.say(stop.aborted ? "election: stopped" : `election: ${messageOf(error)}`);
    return EXIT_FAILED;
  }
}

async function demonstrate(
  options: Options,
  screen: Screen,
  { stop, force }: { stop: AbortSignal; force: AbortSignal },
): Promise<boolean> {
  const folder = makeTemporaryFolder("election");
  let cluster: LocalCluster | undefined;
  try {
    screen.say("election: starting three regions with a nats-server and a PostgreSQL each");
    cluster = await LocalCluster.start({
      dataFolder: folder.path,
      topology: join(packageRoot(), "regions/local.yaml"),
      portBase: 0,
      migrate: migrateDatabase,
      logLevel: "warn",
      signal: stop,
      forceSignal: force,
    });
    return await runDemo({
      cluster,
      screen,
      times: options.isShort ? SHORT_STORY : FULL_STORY,
      rates: options.rates,
      figurePath: figurePathOf(options),
      signal: stop,
    });
  } finally {
    screen.release();
    await cluster?.stop();
    folder.remove();
  }
}

/** The cluster's folder is removed at the end, so the figure has one of its own. */
function figurePathOf({ figure }: Options): string {
  if (figure !== undefined) return resolve(figure);
  return join(mkdtempSync(join(tmpdir(), "forebay-figure-")), "election.svg");
}

/** The first signal asks for an orderly stop, the second for one at once. */
function listenForStop(screen: Screen): { stop: AbortSignal; force: AbortSignal } {
  const stop = new AbortController();
  const force = new AbortController();
  onStopSignal(() => {
    screen.release();
    (stop.signal.aborted ? force : stop).abort();
  });
  return { stop: stop.signal, force: force.signal };
}
