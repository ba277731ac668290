/** Reads the whole configuration: what is wrong with it, what nobody knows, what holds and where each value came from. */
import type { Option } from "./option.ts";
import { regionConfigOf, type RegionConfig } from "./region-config.ts";
import { RULES, type Look } from "./rules.ts";
import { OPTIONS, SUBJECTS, type Values } from "./schema.ts";
import { gatherSettings, type Environment } from "./sources.ts";

export interface EffectiveOption {
  readonly option: Option<unknown>;
  readonly origin: "default" | "environment" | "file";
  /** As it may be shown; undefined where there is no value, or a wrong one. */
  readonly shown: string | undefined;
  readonly isWrong: boolean;
}

export interface Inspection {
  /** Each names the option and says what would be right. */
  readonly problems: readonly string[];
  /**
   * Names that this version does not know. A process warns of them and starts: they may be of a newer version, from which
   * it was just taken back. A check of the configuration fails.
   */
  readonly unknown: readonly string[];
  readonly effective: readonly EffectiveOption[];
  readonly filePath: string | undefined;
  /** Undefined where there are problems. */
  readonly config: RegionConfig | undefined;
}

interface Read {
  readonly value: unknown;
  readonly name: string;
}

/** @param configFile instead of the one that the environment names. */
export function inspectConfig(environment: Environment, configFile?: string): Inspection {
  const settings = gatherSettings(environment, configFile);
  const right = new Map<Option<unknown>, Read>();
  const problems = [...settings.problems];
  const effective = [...settings.byOption.keys()].map((option): EffectiveOption => {
    const { text, name, origin, problem } = settings.byOption.get(option)!;
    const reading = problem === undefined ? option.read(text) : { problem };
    if ("problem" in reading) {
      problems.push(`${name} ${reading.problem}`);
      return { option, origin, shown: undefined, isWrong: true };
    }
    right.set(option, { value: reading.value, name });
    return { option, origin, shown: reading.shown, isWrong: false };
  });
  const look: Look = (option) => right.get(option);
  problems.push(...RULES.flatMap((rule) => rule.problem(look) ?? []));
  const { unknown, filePath } = settings;
  const config = problems.length > 0 ? undefined : regionConfigOf(valuesOf(right));
  return { problems, unknown, effective, filePath, config };
}

function valuesOf(right: ReadonlyMap<Option<unknown>, Read>): Values {
  const subjects = SUBJECTS.map((subject) => {
    const options: Readonly<Record<string, Option<unknown>>> = OPTIONS[subject];
    const values = Object.entries(options).map(([name, option]) => [name, right.get(option)!.value]);
    return [subject, Object.fromEntries(values)];
  });
  return Object.fromEntries(subjects) as Values;
}

/** What holds, by key, as one line of the log has it: values as they may be shown, and what was said by whom. */
export function dumpOf({ effective, filePath }: Inspection): object {
  const keysFrom = (origin: EffectiveOption["origin"]) =>
    effective.filter((one) => one.origin === origin).map(({ option }) => option.key);
  return {
    values: Object.fromEntries(
      effective.flatMap(({ option, shown }) => (shown === undefined ? [] : [[option.key, shown]])),
    ),
    ...(filePath === undefined ? {} : { filePath, fromFile: keysFrom("file") }),
    fromEnvironment: keysFrom("environment"),
  };
}
