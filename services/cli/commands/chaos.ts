/** `forebay chaos`: break a cluster on this machine on purpose, and mend it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { addFaultCommands, type FaultRequest } from "../../../infra/chaos/grammar.ts";
import type { ControlClient } from "../../../infra/local/control/client.ts";
import type { FaultsAnswer } from "../../../infra/local/control/protocol.ts";
import type { Action, Done } from "../../../infra/local/faults/action.ts";
import { describeLinkFault } from "../../../infra/local/faults/perform.ts";
import { onStopSignal } from "../../../infra/local/stop-signals.ts";
import { formatSeconds } from "../../runtime/duration.ts";
import { DATA_FOLDER } from "../common-options.ts";
import { asCommandError, findControl, type ControlOptions } from "../control.ts";
import { formatTable } from "../table.ts";
import { addRunCommand } from "./chaos-run.ts";

const HELP = `
Works on a cluster that "forebay up" runs on this machine, and on nothing else. What is broken stays broken until it is
healed, by --for or by "forebay chaos heal", or until the cluster is stopped. Links are those between the nats-servers.

  forebay chaos cut eu us --one-way --for 30s
  forebay chaos jitter eu us 200
  forebay chaos pause postgres ap
  forebay chaos flap-leader --every 5s --for 1min
  forebay chaos run leader-flaps --report report.json`;

const PERCENT = 100;

export function addChaosCommand(program: Command): void {
  const chaos = program
    .command("chaos")
    .description("break a cluster on this machine on purpose, and mend it")
    .addHelpText("after", HELP);
  addFaultCommands(chaos, {
    decorate: withControlOptions,
    onFault: (request, options) => performRequest(request, findControl(options as unknown as ControlOptions)),
  });
  withControlOptions(chaos.command("show"))
    .description("print what is broken now")
    .action(async (options: ControlOptions) => {
      const faults = await asked(findControl(options).faults());
      process.stdout.write(`${formatFaults(faults)}\n`);
    });
  addRunCommand(chaos, withControlOptions);
}

function withControlOptions(command: Command): Command {
  return command
    .option("--data <folder>", "the data folder of a cluster on this machine", DATA_FOLDER)
    .option("--url <url>", "refused: an address may lead anywhere");
}

/** Does it, and where it is not to last, waits and mends it; Ctrl-C mends it at once. */
async function performRequest({ action, forMs }: FaultRequest, client: ControlClient): Promise<void> {
  const stop = new AbortController();
  const ignoreSignals = onStopSignal(() => stop.abort());
  try {
    const { undo } = await performAndTell(client, action);
    if (forMs === undefined || undo === undefined) return;
    process.stdout.write(`for ${formatSeconds(forMs)}; Ctrl-C ends it now\n`);
    await sleep(forMs, undefined, { signal: stop.signal }).catch(() => undefined);
    await performAndTell(client, undo);
  } finally {
    ignoreSignals();
  }
}

async function performAndTell(client: ControlClient, action: Action): Promise<Done> {
  const done = await asked(client.perform(action));
  process.stdout.write(`${done.told}\n`);
  return done;
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asCommandError(error);
  }
}

export function formatFaults({ links, paused, stopped, flapping }: FaultsAnswer): string {
  const rows = [
    ...links.map(({ from, to, is_cut: isCut, latency_ms: latencyMs, jitter_ms: jitterMs, ...rest }) => [
      `link ${from} → ${to}`,
      describeLinkFault({ isCut, latencyMs, jitterMs, lossShare: rest.loss_percent / PERCENT }),
    ]),
    ...paused.map(({ target, region }) => [`${target} ${region}`, "paused"]),
    ...stopped.map(({ target, region }) => [`${target} ${region}`, "stopped"]),
    ...(flapping === undefined ? [] : [[`leader of ${flapping.partition}`, describeFlapping(flapping)]]),
  ];
  return rows.length === 0 ? "nothing is broken" : formatTable(["what", "how"], rows);
}

function describeFlapping({
  every_ms: everyMs,
  moves,
  problem,
}: NonNullable<FaultsAnswer["flapping"]>): string {
  const last = problem === undefined ? "" : `; the last time: ${problem}`;
  return `steps down every ${formatSeconds(everyMs)}, ${moves} times so far${last}`;
}
