/** Durations as people write them: `500ms`, `5s`, `2min`. */

const UNITS_MS = { ms: 1, s: 1_000, min: 60_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|min)$/;

export const DURATION_HINT = "a number with its unit, such as 500ms, 5s or 2min";

/** Milliseconds; undefined for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text.trim());
  const unitMs = UNITS_MS[match?.[2] as keyof typeof UNITS_MS];
  return match === null ? undefined : Number(match[1]) * unitMs;
}

/** Seconds with one decimal, as reports have them: `12.0 s`. */
export function formatSeconds(durationMs: number): string {
  return `${(durationMs / UNITS_MS.s).toFixed(1)} s`;
}
