/** What a look at a region's surroundings has come to. */

export const DOCTOR_VERDICTS = ["ok", "warn", "fail"] as const;
export type DoctorVerdict = (typeof DOCTOR_VERDICTS)[number];

export interface Judgement {
  readonly verdict: DoctorVerdict;
  readonly found: string;
  /** What to change; undefined where nothing is to be. */
  readonly advice?: string;
}

export interface Check extends Judgement {
  /** Lower-case words and hyphens: for tools. */
  readonly name: string;
}

export const ok = (found: string): Judgement => ({ verdict: "ok", found });
export const warn = (found: string, advice: string): Judgement => ({ verdict: "warn", found, advice });
export const fail = (found: string, advice: string): Judgement => ({ verdict: "fail", found, advice });

export function worstOf(checks: readonly { readonly verdict: DoctorVerdict }[]): DoctorVerdict {
  const ranks = checks.map(({ verdict }) => DOCTOR_VERDICTS.indexOf(verdict));
  return DOCTOR_VERDICTS[Math.max(0, ...ranks)]!;
}

/** Whether a version is lower: by its numbers, whatever is written around them. */
export function isOlder(version: string, least: string): boolean {
  const [one, other] = [numbersOf(version), numbersOf(least)];
  for (const [index, number] of other.entries()) {
    const found = one[index] ?? 0;
    if (found !== number) return found < number;
  }
  return false;
}

function numbersOf(version: string): number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const rank = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1_024 ** rank).toFixed(rank === 0 ? 0 : 1)} ${units[rank]}`;
}
