/** A scenario: what is broken when, and what is expected, read from YAML. Errors name the line and what would be right. */
import { Type, type Static } from "typebox";
import { Compile } from "typebox/compile";
import { LineCounter, parseDocument, type Document, type Node } from "yaml";
import { DURATION_HINT, parseDurationMs } from "../../services/runtime/duration.ts";
import type { Condition, FinalCondition } from "./conditions.ts";
import { ANY_LEADER } from "./conditions.ts";
import { parseFault, type FaultRequest } from "./grammar.ts";
import { NO_LEADER } from "./observation.ts";

export interface Scenario {
  readonly name: string;
  readonly description: string | undefined;
  readonly durationMs: number;
  /** Writes of a local class, to each region; undefined for a scenario without a load of its own. */
  readonly writesPerSecond: number | undefined;
  /** In the order in which they are due. */
  readonly steps: readonly Step[];
  /** After the end, once everything is healed. */
  readonly expect: readonly (Condition | FinalCondition)[];
}

export interface Step {
  readonly atMs: number;
  /** From 1, in the file. */
  readonly line: number;
  /** As it stands in the file. */
  readonly text: string | undefined;
  readonly fault: FaultRequest | undefined;
  readonly expect: readonly Condition[];
  /** How long what is expected may take to become so. */
  readonly withinMs: number;
}

/** The file is no scenario; the message names the line. */
export class InvalidScenarioError extends Error {
  override readonly name = "InvalidScenarioError";
}

const DURATION_MS_MAX = 3_600_000;
const STEPS_MAX = 200;
const WRITES_PER_SECOND_MAX = 500;
const closed = { additionalProperties: false };

const Count = Type.Integer({ minimum: 0 });
const Expected = Type.Object(
  {
    leader: Type.Optional(Type.String()),
    buffering: Type.Optional(Type.String()),
    answering: Type.Optional(Type.String()),
    silent: Type.Optional(Type.String()),
    stale: Type.Optional(Type.String()),
    wal_rows_max: Type.Optional(Count),
    local_writes_failed: Type.Optional(Count),
    local_write_ms_max: Type.Optional(Count),
  },
  closed,
);
const FinallyExpected = Type.Object(
  {
    ...Expected.properties,
    drained_within: Type.Optional(Type.String()),
    same_state: Type.Optional(Type.Literal(true)),
  },
  closed,
);
const ScenarioFile = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z][a-z0-9-]{0,63}$" }),
    description: Type.Optional(Type.String()),
    duration: Type.String(),
    load: Type.Optional(
      Type.Object(
        { writes_per_second: Type.Integer({ minimum: 1, maximum: WRITES_PER_SECOND_MAX }) },
        closed,
      ),
    ),
    steps: Type.Array(
      Type.Object(
        {
          at: Type.String(),
          do: Type.Optional(Type.String()),
          expect: Type.Optional(Expected),
          within: Type.Optional(Type.String()),
        },
        closed,
      ),
      { maxItems: STEPS_MAX },
    ),
    expect: Type.Optional(FinallyExpected),
  },
  closed,
);
type ScenarioFile = Static<typeof ScenarioFile>;

const validator = Compile(ScenarioFile);

type Path = readonly (string | number)[];

/** Says where in the file something is wrong. */
type Fail = (path: Path, problem: string) => InvalidScenarioError;

/**
 * Reads the text of a scenario; `source` names it in errors.
 * @throws {InvalidScenarioError} for whatever is wrong with it, the first thing first.
 */
export function parseScenario(text: string, source: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new InvalidScenarioError(`${source}, line ${line}: not YAML: ${broken.message.split("\n")[0]}`);
  }
  const lineOf = (path: Path): number => lineAt(document, lines, path);
  const fail: Fail = (path, problem) =>
    new InvalidScenarioError(
      `${source}, line ${lineOf(path)}: ${[path.join("."), problem].filter(Boolean).join(" ")}`,
    );
  const value: unknown = document.toJS();
  if (!validator.Check(value)) {
    const { path, problem } = explain(validator.Errors(value));
    throw fail(path, problem);
  }
  return toScenario(value, { fail, lineOf });
}

/** Names of regions that the scenario mentions and the cluster does not have, each with its line. */
export function unknownRegions(scenario: Scenario, regions: readonly string[]): readonly string[] {
  const steps = scenario.steps.flatMap(({ fault, expect, line }) =>
    [...regionsOfFault(fault), ...expect.flatMap(regionsOfCondition)].map((name) => ({
      name,
      place: `line ${line}`,
    })),
  );
  const atEnd = scenario.expect.flatMap(regionsOfCondition).map((name) => ({ name, place: "expect" }));
  return [...steps, ...atEnd]
    .filter(({ name }) => !regions.includes(name))
    .map(({ name, place }) => `${place}: there is no region ${name}; the cluster has ${regions.join(", ")}`);
}

function regionsOfFault(fault: FaultRequest | undefined): readonly string[] {
  if (fault === undefined) return [];
  const { action } = fault;
  if ("one" in action) return [action.one, action.other];
  return "region" in action ? [action.region] : [];
}

function regionsOfCondition(condition: Condition | FinalCondition): readonly string[] {
  if (!("region" in condition)) return [];
  const isWord = condition.kind === "leader" && [NO_LEADER, ANY_LEADER].includes(condition.region);
  return isWord ? [] : [condition.region];
}

interface Place {
  readonly fail: Fail;
  readonly lineOf: (path: Path) => number;
}

function toScenario(file: ScenarioFile, place: Place): Scenario {
  const { fail } = place;
  const durationMs = durationAt(file.duration, ["duration"], fail);
  if (durationMs > DURATION_MS_MAX) throw fail(["duration"], "is at most 60min");
  const steps = file.steps.map((_, index) => toStep(file, index, { ...place, durationMs }));
  const { expect = {} } = file;
  assertLoad(expect, { file, path: ["expect"], fail });
  return {
    name: file.name,
    description: file.description,
    durationMs,
    writesPerSecond: file.load?.writes_per_second,
    steps: steps.toSorted((one, other) => one.atMs - other.atMs),
    expect: [
      ...(expect.drained_within === undefined
        ? []
        : [
            {
              kind: "drained_within",
              withinMs: durationAt(expect.drained_within, ["expect", "drained_within"], fail),
            } as const,
          ]),
      ...(expect.same_state === undefined ? [] : [{ kind: "same_state" } as const]),
      ...toConditions(expect),
    ],
  };
}

function toStep(file: ScenarioFile, index: number, place: Place & { readonly durationMs: number }): Step {
  const { fail, lineOf, durationMs } = place;
  const step = file.steps[index]!;
  const path = ["steps", index];
  const atMs = durationAt(step.at, [...path, "at"], fail);
  const withinMs = step.within === undefined ? 0 : durationAt(step.within, [...path, "within"], fail);
  if (step.do === undefined && step.expect === undefined) {
    throw fail(path, "neither does nor expects anything: give it do or expect");
  }
  if (step.within !== undefined && step.expect === undefined) {
    throw fail([...path, "within"], "goes with expect");
  }
  if (atMs + withinMs > durationMs) {
    throw fail([...path, "at"], `is after the scenario's end, at ${file.duration}`);
  }
  assertLoad(step.expect ?? {}, { file, path: [...path, "expect"], fail });
  return {
    atMs,
    line: lineOf(path),
    text: step.do,
    fault: step.do === undefined ? undefined : faultAt(step.do, [...path, "do"], fail),
    expect: toConditions(step.expect ?? {}),
    withinMs,
  };
}

function toConditions(expected: Static<typeof Expected>): readonly Condition[] {
  const { leader, buffering, answering, silent, stale } = expected;
  const { wal_rows_max: rows, local_writes_failed: countMax, local_write_ms_max: latencyMsMax } = expected;
  return [
    ...(leader === undefined ? [] : [{ kind: "leader", region: leader } as const]),
    ...(buffering === undefined ? [] : [{ kind: "buffering", region: buffering } as const]),
    ...(answering === undefined ? [] : [{ kind: "answering", region: answering } as const]),
    ...(silent === undefined ? [] : [{ kind: "silent", region: silent } as const]),
    ...(stale === undefined ? [] : [{ kind: "stale", region: stale } as const]),
    ...(rows === undefined ? [] : [{ kind: "wal_rows_max", rows } as const]),
    ...(countMax === undefined ? [] : [{ kind: "local_writes_failed", countMax } as const]),
    ...(latencyMsMax === undefined ? [] : [{ kind: "local_write_ms_max", latencyMsMax } as const]),
  ];
}

/** Without writes nothing could be said of them. */
function assertLoad(
  expected: Static<typeof Expected>,
  { file, path, fail }: { readonly file: ScenarioFile; readonly path: Path; readonly fail: Fail },
): void {
  for (const name of ["local_writes_failed", "local_write_ms_max"] as const) {
    if (file.load === undefined && expected[name] !== undefined) {
      throw fail([...path, name], "needs a load: give the scenario load: { writes_per_second: 10 }");
    }
  }
}

function durationAt(text: string, path: Path, fail: Fail): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) throw fail(path, `"${text}" is no duration: it is ${DURATION_HINT}`);
  return durationMs;
}

function faultAt(text: string, path: Path, fail: Fail): FaultRequest {
  try {
    return parseFault(text);
  } catch (error) {
    throw fail(path, `"${text}": ${(error as Error).message}`);
  }
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
}

/** The first thing that is wrong; a misspelt member rather than the one that is missing by it. */
function explain(errors: readonly SchemaError[]): { path: Path; problem: string } {
  const unknown = errors.find(({ keyword }) => keyword === "boolean");
  const { instancePath, message } = unknown ?? errors[0]!;
  const path = instancePath.split("/").slice(1);
  return { path, problem: unknown === undefined ? message : "is not known here" };
}

/** The line of a member, or of the closest that has one. */
function lineAt(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const found = document.getIn(
      path.slice(0, length).map((part) => (/^\d+$/.test(String(part)) ? Number(part) : part)),
      true,
    ) as Partial<Node> | undefined;
    const start = found?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}
