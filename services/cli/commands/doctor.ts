/** `forebay doctor`: looks at what each region stands on, compares them, and says what to change. */
import type { Command } from "commander";
import { fail, ok, warn, worstOf, type Check, type DoctorVerdict } from "../../core/doctor/check.ts";
import { judgeOffset } from "../../core/doctor/judge-process.ts";
import type { DoctorAnswer } from "../../protocol/http/doctor.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { findRegion, findRegions, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError } from "../errors.ts";
import { callApi } from "../http.ts";
import { formatTable } from "../table.ts";

const TIMEOUT_MS = 20_000;
const EXIT_CODES: { readonly [Verdict in DoctorVerdict]: number } = { ok: 0, warn: 1, fail: 2 };

export interface ExaminedRegion {
  readonly region: string;
  readonly answer: DoctorAnswer | undefined;
  readonly problem: string | undefined;
  /** Its clock less this machine's; wrong by `uncertaintyMs` at most. */
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

interface DoctorOptions extends CommonOptions {
  readonly json?: boolean;
}

export function addDoctorCommand(program: Command): void {
  withCommonOptions(program.command("doctor"))
    .description("check configuration, clocks, rights, versions, disk and streams, and say what to change")
    .option("--json", "print what was found as JSON")
    .addHelpText(
      "after",
      "\nEnds with 0 where all is well, with 1 where something should be changed, with 2 where something is wrong.",
    )
    .action(async (options: DoctorOptions) => {
      const isOne = options.region !== undefined || options.url !== undefined;
      const regions = isOne ? [findRegion(options)] : findRegions(options);
      const examined = await Promise.all(regions.map(examine));
      const checks = allChecks(examined);
      const text = options.json === true ? JSON.stringify(checks, null, 2) : formatChecks(checks);
      process.stdout.write(`${text}\n`);
      const code = EXIT_CODES[worstOf(checks)];
      if (code > 0) process.exitCode = code;
    });
}

async function examine(region: ClusterRegion): Promise<ExaminedRegion> {
  const { name } = region;
  try {
    const { body } = await callApi(region, { path: `${API_PREFIX}/doctor`, timeoutMs: TIMEOUT_MS });
    const answer = body as DoctorAnswer;
    return { region: answer.region, answer, problem: undefined, ...(await clockOf(region)) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { region: name, answer: undefined, problem: error.message, offsetMs: 0, uncertaintyMs: 0 };
  }
}

/** By a request that does nothing: its answer was made between the two moments. */
async function clockOf(region: ClusterRegion): Promise<Pick<ExaminedRegion, "offsetMs" | "uncertaintyMs">> {
  const sentAtMs = Date.now();
  const { body } = await callApi(region, { path: `${API_PREFIX}/doctor?checks=none`, timeoutMs: TIMEOUT_MS });
  const tookMs = Date.now() - sentAtMs;
  return { offsetMs: (body as DoctorAnswer).now_ms - sentAtMs - tookMs / 2, uncertaintyMs: tookMs / 2 };
}

export interface RegionCheck extends Check {
  /** Undefined for what is between regions. */
  readonly region: string | undefined;
}

export function allChecks(examined: readonly ExaminedRegion[]): RegionCheck[] {
  const own = examined.flatMap(({ region, answer, problem }): RegionCheck[] => {
    if (answer === undefined) {
      const judgement = fail(problem ?? "it does not answer", "see that its process runs, and its log");
      return [{ region, name: "region-answers", ...judgement }];
    }
    return answer.checks.map((check) => ({ ...check, region }));
  });
  const between = examined.filter(({ answer }) => answer !== undefined);
  return [...own, ...(between.length > 1 ? betweenRegions(between) : [])];
}

function betweenRegions(examined: readonly ExaminedRegion[]): RegionCheck[] {
  const valueOf = (read: (answer: DoctorAnswer) => string | number | undefined) =>
    examined.map(({ region, answer }) => ({ region, value: read(answer!) }));
  const upgrade = "upgrade the others, one region after the other";
  const checks: Check[] = [
    { name: "clocks", ...judgeClocks(examined) },
    same(
      "same-software",
      valueOf(({ versions }) => versions.software),
      upgrade,
    ),
    same(
      "same-entry-version",
      valueOf(({ versions }) => versions.entry),
      upgrade,
    ),
    same(
      "same-nats-server",
      valueOf(({ versions }) => versions.nats),
      upgrade,
    ),
    same(
      "same-postgresql",
      valueOf(({ versions }) => versions.postgres?.split(".")[0]),
      upgrade,
    ),
  ];
  const partitions = valueOf((answer) => answer.partitions);
  const { verdict, found } = same("same-partitions", partitions, "");
  const count =
    verdict === "ok"
      ? ok(found)
      : fail(found, "give all regions the topology that the cluster was made with");
  return [...checks, { name: "same-partitions", ...count }].map((check) => ({ ...check, region: undefined }));
}

function judgeClocks(examined: readonly ExaminedRegion[]) {
  const sorted = examined.toSorted((one, other) => one.offsetMs - other.offsetMs);
  const [slowest, fastest] = [sorted[0]!, sorted.at(-1)!];
  const uncertaintyMs = slowest.uncertaintyMs + fastest.uncertaintyMs;
  const apartMs = fastest.offsetMs - slowest.offsetMs;
  const { found, ...judgement } = judgeOffset(slowest.region, apartMs, uncertaintyMs);
  return { ...judgement, found: `${fastest.region} is ${found}` };
}

function same(
  name: string,
  values: readonly { readonly region: string; readonly value: string | number | undefined }[],
  advice: string,
): Check {
  const known = values.filter(({ value }) => value !== undefined);
  const distinct = new Set(known.map(({ value }) => value));
  if (distinct.size <= 1) return { name, ...ok(`all have ${[...distinct][0] ?? "said nothing"}`) };
  return { name, ...warn(known.map(({ region, value }) => `${region} has ${value}`).join(", "), advice) };
}

/** What is wrong comes first. */
export function formatChecks(checks: readonly RegionCheck[]): string {
  const ranks: { readonly [Verdict in DoctorVerdict]: number } = { fail: 0, warn: 1, ok: 2 };
  const sorted = checks.toSorted((one, other) => ranks[one.verdict] - ranks[other.verdict]);
  const rows = sorted.map(({ verdict, region = "all", name, found }) => [verdict, region, name, found]);
  const advice = sorted.flatMap(({ advice: text, region = "all", name }) =>
    text === undefined || text === "" ? [] : [`${region} ${name}: ${text}`],
  );
  const table = formatTable(["", "region", "check", "found"], rows);
  return advice.length === 0 ? table : `${table}\n\nto change:\n${advice.join("\n")}`;
}
