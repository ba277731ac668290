/** `forebay config`: checks, shows and documents what region processes are told. It asks no region. */
import type { Command } from "commander";
import { inspectConfig, type EffectiveOption, type Inspection } from "../../runtime/config/inspect.ts";
import { configReference } from "../../runtime/config/reference.ts";
import { readEnvironmentFile } from "../environment-file.ts";
import { CommandError } from "../errors.ts";
import { formatTable } from "../table.ts";

interface SourceOptions {
  readonly config?: string;
  readonly envFile?: string;
}

export function addConfigCommand(program: Command): void {
  const config = program.command("config").description("the configuration of region processes");
  addCheck(config);
  addShow(config);
  config
    .command("reference")
    .description("print all options, as Markdown")
    .action(() => {
      process.stdout.write(configReference());
    });
}

function withSources(command: Command): Command {
  return command
    .option("--config <file>", "the configuration file (default: FOREBAY_CONFIG_FILE)")
    .option(
      "--env-file <file>",
      "lines NAME=value as Docker reads them, quotes and all, instead of this shell's environment",
    );
}

function addCheck(config: Command): void {
  withSources(config.command("check"))
    .description("tell everything that is wrong with a configuration, and fail where anything is")
    .action((options: SourceOptions) => {
      const inspection = inspect(options);
      failOnProblems(inspection);
      const { length } = inspection.effective.filter(({ origin }) => origin !== "default");
      process.stdout.write(`the configuration is right: ${length} options are set\n`);
    });
}

function addShow(config: Command): void {
  withSources(config.command("show"))
    .description("tell what holds, without secrets, and where each value comes from")
    .option("--json", "print it as JSON")
    .action((options: SourceOptions & { readonly json?: boolean }) => {
      const inspection = inspect(options);
      const rows = inspection.effective.map(rowOf);
      const text =
        options.json === true
          ? JSON.stringify(rows, null, 2)
          : formatTable(
              ["variable", "key", "value", "from"],
              rows.map(({ variable, key, value, from }) => [variable, key, value ?? "-", from]),
            );
      process.stdout.write(`${text}\n`);
      failOnProblems(inspection);
    });
}

function rowOf({ option: { variable, key }, origin, shown, isWrong }: EffectiveOption) {
  const wrong = origin === "default" ? "(missing)" : "(wrong)";
  return { variable, key, value: isWrong ? wrong : (shown ?? null), from: origin };
}

/** @throws {UsageError} where the file of variables can't be read. */
function inspect({ config, envFile }: SourceOptions): Inspection {
  if (envFile === undefined) return inspectConfig(process.env, config);
  const { environment, problems } = readEnvironmentFile(envFile, process.env);
  const inspection = inspectConfig(environment, config);
  return { ...inspection, problems: [...problems, ...inspection.problems] };
}

/** @throws {CommandError} with all problems. */
function failOnProblems({ problems, unknown }: Inspection): void {
  const all = [...problems, ...unknown];
  if (all.length === 0) return;
  const count = all.length === 1 ? "1 problem" : `${all.length} problems`;
  throw new CommandError(`the configuration has ${count}:\n${all.map((one) => `  - ${one}`).join("\n")}`);
}
