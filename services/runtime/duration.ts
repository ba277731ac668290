/** Durations as people write them: `500ms`, `30s`, `2min`, `1.5h`, `1h30m`, `90d`. */

const UNITS_MS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|s|min|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|min|m|h|d)/g;

export const DURATION_HINT = "a number with its unit, such as 500ms, 30s, 10m, 1h30m or 90d";

/** Whole milliseconds; undefined for what is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  if (!WHOLE.test(trimmed)) return undefined;
  const partsMs = [...trimmed.matchAll(PART)].map(([, count, unit]) => Number(count) * UNITS_MS[unit!]!);
  return Math.round(partsMs.reduce((sum, partMs) => sum + partMs, 0));
}

/** Seconds with one decimal, as reports have them: `12.0 s`. */
export function formatSeconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
