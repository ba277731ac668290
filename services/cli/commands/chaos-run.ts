/** `forebay chaos run`: a scenario from a file, and what came of it. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { onStopSignal } from "../../../infra/local/stop-signals.ts";
import { formatSeconds } from "../../runtime/duration.ts";
import { readClusterFile } from "../cluster.ts";
import { asCommandError, findControl, type ControlOptions } from "../control.ts";
import { CommandError, UsageError } from "../errors.ts";
import { formatTable } from "../table.ts";

const HELP = `
A scenario says what is broken when, and what is expected: infra/local/README.md has an example. At its end everything is
healed, also when it is interrupted. The exit code is 1 when something that was expected is not so.`;

interface RunOptions extends ControlOptions {
  readonly report?: string;
}

export function addRunCommand(chaos: Command, decorate: (command: Command) => Command): void {
  decorate(chaos.command("run <scenario>"))
    .description("run a scenario: a file, or the name of one that comes with forebay")
    .option("--report <file>", "write all that was observed to a file, as JSON")
    .addHelpText("after", HELP)
    .action(runCommand);
}

async function runCommand(name: string, options: RunOptions): Promise<void> {
  // Loaded here alone: the other commands need neither YAML nor a database.
  const { loadScenario } = await import("../../../infra/chaos/library.ts");
  const { runScenario } = await import("../../../infra/chaos/run.ts");
  const { isGood, reportJson, reportText } = await import("../../../infra/chaos/report.ts");
  const client = findControl(options);
  const stop = new AbortController();
  const ignoreSignals = onStopSignal(() => stop.abort());
  try {
    const scenario = loadScenario(name);
    // An early look: a cluster that does not answer is told before anything else.
    await client.faults();
    const report = await runScenario(scenario, {
      target: { regions: regionsOf(options), perform: (action) => client.perform(action) },
      signal: stop.signal,
      onEvent: ({ atMs, text }) => process.stderr.write(`${formatSeconds(atMs).padStart(8)}  ${text}\n`),
    });
    if (options.report !== undefined) writeReport(options.report, reportJson(report));
    process.stdout.write(`${reportText(report, formatTable)}\n`);
    if (!isGood(report)) throw new CommandError(`scenario ${scenario.name} did not go as expected`);
  } catch (error) {
    throw told(error);
  } finally {
    ignoreSignals();
  }
}

function regionsOf({ data }: RunOptions) {
  const { regions, key } = readClusterFile(data);
  return regions.map(({ name, url, postgres }) => {
    if (postgres === undefined)
      throw new CommandError(`cluster.json in ${data} names no database of ${name}`);
    return { name, url, key, postgresUrl: postgres.url };
  });
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CommandError(`the report can't be written: ${(error as Error).message}`, { cause: error });
  }
}

/** What a user can do something about, in one line. */
function told(error: unknown): unknown {
  const { name, message } = error as Error;
  if (name === "InvalidScenarioError") return new UsageError(message, { cause: error });
  return name === "DeadlineError" ? new CommandError(message, { cause: error }) : asCommandError(error);
}
