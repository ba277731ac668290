/** Verdicts of many runs, added up: how many were false, and how many drifts were missed. */
import { kindsOfRun, simulateVerdicts, type VerdictsReport } from "./verdicts.ts";

/** Of one run, without drift and with: a run slows down as its log grows. */
const PER_RUN = 10;

/** @returns whether all verdicts were true. */
export async function tryVerdicts(options: {
  readonly first: number;
  readonly count: number;
  readonly tell: (line: string) => void;
}): Promise<boolean> {
  const { first, count, tell } = options;
  const reports: VerdictsReport[] = [];
  for (let done = 0; done < count; done += PER_RUN) {
    const some = Math.min(PER_RUN, count - done);
    const seed = first + done / PER_RUN;
    const report = await simulateVerdicts(seed, {
      verifications: some,
      kinds: kindsOfRun(some, seed * PER_RUN),
    });
    tell(JSON.stringify(report));
    reports.push(report);
  }
  const sum = (of: (report: VerdictsReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const [matched, falsely, other] = [
    sum(({ withoutDrift }) => withoutDrift.match),
    sum(({ withoutDrift }) => withoutDrift.diverged),
    sum(({ withoutDrift }) => withoutDrift.other),
  ];
  const [planted, missed, misplaced] = [
    sum((report) => report.planted),
    sum((report) => report.missed.length),
    sum((report) => report.misplaced.length),
  ];
  tell(
    `false ${falsely} of ${matched + falsely} (${other} more could not compare), ` +
      `missed ${missed} of ${planted} (${misplaced} found elsewhere)`,
  );
  return falsely + missed + misplaced === 0;
}
