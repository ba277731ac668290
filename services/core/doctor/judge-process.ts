/** Judges a region process: its runtime, its configuration, its clock. */
import { SKEW_MS_LEAST } from "../clock-skew.ts";
import { MAX_OFFSET_MS } from "../hlc.ts";
import { fail, isOlder, ok, warn, type Judgement } from "./check.ts";

const NODE_LEAST = "20.19";
const HOUR_MS = 3_600_000;

export function judgeNode(version: string): Judgement {
  if (!isOlder(version, NODE_LEAST)) return ok(`Node.js ${version}`);
  return fail(`Node.js ${version}`, `run Node.js ${NODE_LEAST} or later`);
}

export interface ConfigurationFacts {
  readonly logLevel: string;
  readonly hasMonitor: boolean;
  readonly regions: number;
  readonly crashAt: string | undefined;
  readonly walRetentionMs: number;
  readonly walAgeMsMax: number;
  readonly verifyEveryMs: number;
}

/** What the process runs with although it should not be kept so. */
export function judgeConfiguration(facts: ConfigurationFacts): Judgement {
  const { logLevel, hasMonitor, regions, crashAt, walAgeMsMax, verifyEveryMs } = facts;
  if (crashAt !== undefined)
    return fail(`FOREBAY_CRASH_AT is ${crashAt}: the process ends itself there`, "unset it; it is for tests");
  const wrong = [
    ...(regions < 3 ? [`${regions} regions: a lost one stops the log; have 3 or more`] : []),
    ...(hasMonitor ? [] : ["FOREBAY_NATS_MONITOR_URL is not set: distances are not measured; set it"]),
    ...(verifyEveryMs === 0 ? ["FOREBAY_VERIFY_EVERY_SECONDS is 0: drift is not looked for; set 3600"] : []),
    ...(walAgeMsMax < HOUR_MS ? ["FOREBAY_WAL_AGE_SECONDS_MAX is below an hour; raise it"] : []),
    ...(logLevel === "debug" || logLevel === "silent" ? [`the log level is ${logLevel}; set info`] : []),
  ];
  if (wrong.length === 0) return ok("nothing that would have to be another way");
  return warn(
    wrong.map((text) => text.split(";")[0]!).join("; "),
    wrong.map((text) => text.split("; ")[1]!).join("; "),
  );
}

/** @param offsetMs of one clock against another. @param uncertaintyMs of that figure, either way. */
export function judgeOffset(what: string, offsetMs: number, uncertaintyMs: number): Judgement {
  const apartMs = Math.max(0, Math.abs(offsetMs) - uncertaintyMs);
  const way = offsetMs < 0 ? "behind" : "ahead of";
  const found = `${Math.round(Math.abs(offsetMs))} ms ${way} ${what} (±${Math.round(uncertaintyMs)} ms)`;
  const advice = "look at the time service of both machines (chronyc tracking, timedatectl)";
  if (apartMs > MAX_OFFSET_MS)
    return fail(found, `${advice}: stamps further off than ${MAX_OFFSET_MS} ms are not taken`);
  return apartMs > SKEW_MS_LEAST ? warn(found, advice) : ok(found);
}

/** Log time may be behind, as nothing may have been written; ahead of the clock it is only where clocks differ. */
export function judgeLogTime(nowMs: number, logTimeMs: number): Judgement {
  if (logTimeMs <= nowMs) return ok(`${Math.round(nowMs - logTimeMs)} ms after the last entry of the log`);
  return judgeOffset("log time", nowMs - logTimeMs, 0);
}
