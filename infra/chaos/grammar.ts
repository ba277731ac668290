/** The words in which faults are asked for, the same on the command line and in scenarios. */
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { DURATION_HINT, parseDurationMs } from "../../services/runtime/duration.ts";
import { FLAP_EVERY_MS_MAX, FLAP_EVERY_MS_MIN, type Action } from "../local/faults/action.ts";
import { FAULT_DELAY_MS_MAX } from "../local/faults/link-fault.ts";

/** An action, and for how long it is to last; undefined means until something heals it. */
export interface FaultRequest {
  readonly action: Action;
  readonly forMs: number | undefined;
}

/** What is done with a request, and with the options that `Adding.decorate` has added. */
export type OnFault = (
  request: FaultRequest,
  options: Readonly<Record<string, unknown>>,
) => Promise<void> | void;

export interface Adding {
  readonly onFault: OnFault;
  /** Adds options to each command. */
  readonly decorate?: (command: Command) => Command;
}

const FOR_MS_MAX = 86_400_000;
const PARTITION_MAX = 1_023;
const TARGETS = ["nats", "postgres", "region"] as const;

type Target = (typeof TARGETS)[number];

/** Adds a command for each kind of fault. */
export function addFaultCommands(
  parent: Command,
  { onFault, decorate = (command) => command }: Adding,
): void {
  const add = (usage: string): Command => decorate(parent.command(usage));
  addLinkCommands(add, onFault);
  addProcessCommands(add, onFault);
  addLeaderCommands(add, onFault);
  const heal = add("heal [one] [other]");
  heal
    .description("mend a link, or everything: links, pauses, what was killed, a flapping leader")
    .action((one: string | undefined, other: string | undefined, options: object) => {
      if (one !== undefined && other === undefined) {
        heal.error("error: heal takes two regions, or none for everything");
      }
      const action: Action =
        one === undefined || other === undefined ? { do: "heal" } : { do: "heal-link", one, other };
      return onFault({ action, forMs: undefined }, { ...options });
    });
}

/**
 * Reads a fault from one line of text, such as `cut eu us --one-way --for 20s`.
 * @throws {Error} says what is wrong with it.
 */
export function parseFault(line: string): FaultRequest {
  const found: FaultRequest[] = [];
  const program = new Command("do")
    .exitOverride()
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  addFaultCommands(program, {
    onFault: (request) => void found.push(request),
    decorate: (command) => command.helpOption(false),
  });
  const words = line.trim().split(/\s+/);
  const known = program.commands.map((command) => command.name());
  if (!known.includes(words[0] ?? "")) {
    throw new Error(`"${words[0] ?? ""}" is no fault; known are ${known.join(", ")}`);
  }
  try {
    program.parse(words, { from: "user" });
  } catch (error) {
    throw new Error((error as Error).message.replace(/^error: /, ""), { cause: error });
  }
  return found[0]!;
}

type Add = (usage: string) => Command;
type ForOption = { readonly for?: number };

function addLinkCommands(add: Add, onFault: OnFault): void {
  lasting(add("cut <one> <other>"))
    .description("cut the link between two regions: nothing arrives, and nobody is told")
    .option("--one-way", "only what the first sends to the other")
    .action((one: string, other: string, options: ForOption & { readonly oneWay?: boolean }) => {
      const action: Action = {
        do: "link",
        one,
        other,
        is_cut: true,
        ...(options.oneWay === true ? { one_way: true } : {}),
      };
      return onFault({ action, forMs: options.for }, { ...options });
    });
  for (const [name, key, description] of [
    ["latency", "latency_ms", "make a link slower, by so much each way"],
    ["jitter", "jitter_ms", "make a link uneven: what it carries takes up to so much more or less, each way"],
  ] as const) {
    lasting(add(`${name} <one> <other>`))
      .description(description)
      .addArgument(new Argument("<ms>", "milliseconds").argParser(delayOf))
      .action((one: string, other: string, ...rest: readonly [number, ForOption]) => {
        const action: Action = { do: "link", one, other, [key]: rest[0] };
        return onFault({ action, forMs: rest[1].for }, { ...rest[1] });
      });
  }
  lasting(add("loss <one> <other>"))
    .description("reset connections of a link: each with this chance when it is made, and every second")
    .addArgument(new Argument("<percent>", "0 to 100").argParser(percentOf))
    .action((one: string, other: string, ...rest: readonly [number, ForOption]) => {
      const action: Action = { do: "link", one, other, loss_percent: rest[0] };
      return onFault({ action, forMs: rest[1].for }, { ...rest[1] });
    });
}

function addProcessCommands(add: Add, onFault: OnFault): void {
  const commands = [
    ["pause", "freeze a server or a region process: it takes connections and never answers"],
    ["kill", "end a server or a region process at once, as a crash would"],
    ["resume", "let a paused one go on"],
    ["restart", "stop one in good order if it runs, and start it"],
  ] as const;
  for (const [name, description] of commands) {
    const command = add(name)
      .description(description)
      .addArgument(new Argument("<what>", "of the region").choices(TARGETS))
      .argument("<region>")
      .action((target: Target, region: string, options: ForOption) => {
        return onFault({ action: { do: name, target, region }, forMs: options.for }, { ...options });
      });
    if (name === "pause" || name === "kill") {
      lasting(command);
    }
  }
}

function addLeaderCommands(add: Add, onFault: OnFault): void {
  lasting(partitioned(add("flap-leader")))
    .description("have the leader of the log step down, again and again")
    .addOption(new Option("--every <duration>", "time between").argParser(everyOf).makeOptionMandatory())
    .action((options: ForOption & { readonly every: number; readonly partition: number }) => {
      const action: Action = { do: "flap-leader", every_ms: options.every, partition: options.partition };
      return onFault({ action, forMs: options.for }, { ...options });
    });
  lasting(partitioned(add("kill-leader")))
    .description("end the nats-server that leads the log")
    .action((options: ForOption & { readonly partition: number }) => {
      const action: Action = { do: "kill-leader", partition: options.partition };
      return onFault({ action, forMs: options.for }, { ...options });
    });
}

function lasting(command: Command): Command {
  return command.addOption(new Option("--for <duration>", "mend it after this time").argParser(forOf));
}

function partitioned(command: Command): Command {
  return command.addOption(
    new Option("--partition <number>", "of the log").argParser(partitionOf).default(0),
  );
}

function forOf(text: string): number {
  return durationOf(text, { minMs: 1, maxMs: FOR_MS_MAX });
}

function everyOf(text: string): number {
  return durationOf(text, { minMs: FLAP_EVERY_MS_MIN, maxMs: FLAP_EVERY_MS_MAX });
}

function durationOf(text: string, { minMs, maxMs }: { minMs: number; maxMs: number }): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) {
    throw new InvalidArgumentError(`A duration is ${DURATION_HINT}.`);
  }
  if (durationMs < minMs || durationMs > maxMs) {
    throw new InvalidArgumentError(`It is from ${minMs} ms to ${maxMs} ms.`);
  }
  return durationMs;
}

function delayOf(text: string): number {
  const delayMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseDurationMs(text);
  if (delayMs !== undefined && delayMs <= FAULT_DELAY_MS_MAX) {
    return delayMs;
  }
  throw new InvalidArgumentError(`It is a number of milliseconds from 0 to ${FAULT_DELAY_MS_MAX}.`);
}

function percentOf(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) {
    return Number(percent);
  }
  throw new InvalidArgumentError("It is a percentage from 0 to 100.");
}

function partitionOf(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= PARTITION_MAX) {
    return Number(text);
  }
  throw new InvalidArgumentError(`A partition is a number from 0 to ${PARTITION_MAX}.`);
}
