/** Waits until verifications have ended, with what the log proves of them, and shows how far they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { API_PREFIX } from "../protocol/http/headers.ts";
import type { VerificationAnswer, VerificationSummary } from "../protocol/http/verifications.ts";
import type { ClusterRegion } from "./cluster.ts";
import { CommandError } from "./errors.ts";
import { callApi, ProblemAnsweredError, UnreachableError } from "./http.ts";
import { Progress } from "./progress.ts";

export const VERIFICATIONS_PATH = `${API_PREFIX}/verifications`;
const POLL_MS = 200;
const TIMEOUT_MS = 15_000;
const TOO_MANY_REQUESTS = 429;

/** @throws {CommandError} at the deadline, or where a verification is known no more. */
export async function awaitVerdicts(
  region: ClusterRegion,
  { begun, deadlineMs }: { begun: readonly VerificationSummary[]; deadlineMs: number },
): Promise<VerificationAnswer[]> {
  const untilMs = performance.now() + deadlineMs;
  const progress = new Progress();
  const latest = new Map<string, VerificationSummary>(begun.map((one) => [one.id, one]));
  const told = new Map<string, VerificationAnswer>();
  const ended = new Set<string>();
  try {
    for (;;) {
      for (const { id } of begun) {
        if (ended.has(id)) continue;
        const found = await look(region, id);
        if (found === undefined) continue;
        latest.set(id, found);
        if (found.verdict === undefined) continue;
        told.set(id, found);
        // What the log proves of it comes after the verdict.
        if (found.phase === "done") ended.add(id);
      }
      progress.show([...latest.values()].map(describe).join("; "));
      const isLate = performance.now() >= untilMs;
      if (isLate && told.size < begun.length) throw late([...latest.values()]);
      if (isLate || ended.size === begun.length) return begun.map(({ id }) => told.get(id)!);
      await sleep(POLL_MS);
    }
  } finally {
    progress.end();
  }
}

/** Undefined where it can't be asked now: a verification goes on meanwhile. */
async function look(region: ClusterRegion, id: string): Promise<VerificationAnswer | undefined> {
  try {
    const path = `${VERIFICATIONS_PATH}/${id}`;
    return (await callApi(region, { path, timeoutMs: TIMEOUT_MS })).body as VerificationAnswer;
  } catch (error) {
    const mayPass =
      error instanceof UnreachableError ||
      (error instanceof ProblemAnsweredError && (error.status >= 500 || error.status === TOO_MANY_REQUESTS));
    if (mayPass) return undefined;
    throw error;
  }
}

function late(latest: readonly VerificationSummary[]): CommandError {
  const open = latest.filter(({ verdict }) => verdict === undefined);
  const names = open.map(({ partition, id }) => `of partition ${partition} (${id})`).join(", ");
  return new CommandError(
    `no verdict within the deadline ${names}; it may go on, and "forebay verify show" tells`,
  );
}

function describe({ partition, verdict, phase, position, regions }: VerificationSummary): string {
  const told = regions.filter(({ rows, problem }) => rows !== undefined || problem !== undefined);
  const where = position === undefined ? "" : ` at ${position}`;
  const count = regions.length === 0 ? "" : `, ${told.length} of ${regions.length} regions`;
  const state =
    verdict === undefined || phase === "done" ? (verdict ?? phase) : `${verdict}, ${phase} the log`;
  return `partition ${partition}: ${state}${where}${count}`;
}
