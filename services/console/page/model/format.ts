/** Figures as people read them: two units at most, the same width where they stand in columns. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KILOBYTE = 1_024;
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** What isn't known. */
export const UNKNOWN = "–";

/** `340 ms`, `4.2 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  // What would round up to the next unit is said in it.
  if (ms < 9_950) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (Math.round(ms / SECOND_MS) < 60) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return twoUnits(ms, { large: MINUTE_MS, small: SECOND_MS, names: ["min", "s"] });
  if (ms < DAY_MS) return twoUnits(ms, { large: HOUR_MS, small: MINUTE_MS, names: ["h", "min"] });
  return twoUnits(ms, { large: DAY_MS, small: HOUR_MS, names: ["d", "h"] });
}

interface Units {
  readonly large: number;
  readonly small: number;
  readonly names: readonly [string, string];
}

function twoUnits(ms: number, { large, small, names }: Units): string {
  const smalls = Math.max(Math.floor(ms / small), large / small);
  const perLarge = large / small;
  const rest = smalls % perLarge;
  const whole = `${Math.floor(smalls / perLarge)} ${names[0]}`;
  return rest === 0 ? whole : `${whole} ${rest} ${names[1]}`;
}

/** Fine where a round trip is meant: `0.8 ms`, `84 ms`. */
export function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  return Math.abs(ms) < 10 ? `${ms.toFixed(1)} ms` : ms < SECOND_MS ? `${Math.round(ms)} ms` : duration(ms);
}

/** A difference, always with its sign. */
export function offset(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (Math.abs(ms) < 0.05) return "±0 ms";
  const sign = ms < 0 ? "−" : "+";
  return `${sign}${milliseconds(Math.abs(ms))}`;
}

/** `12,345`. */
export function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** `1.2 MB`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  let rest = value;
  let unit = 0;
  while (rest >= KILOBYTE && unit < BYTE_UNITS.length - 1) {
    rest /= KILOBYTE;
    unit += 1;
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** `0.4/s`, `120/s`. */
export function rate(perSecond: number | undefined): string {
  if (perSecond === undefined) return UNKNOWN;
  const isSmall = perSecond !== 0 && perSecond < 9.95;
  return `${isSmall ? perSecond.toFixed(1) : count(perSecond)}/s`;
}

/** `1 row`, `12 rows`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `eu`, `eu and us`, `eu, us and ap`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** `14:03:22` where the reader is. */
export function timeOfDay(ms: number): string {
  const time = new Date(ms);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(":");
}

/** `2026-11-21 14:03:22` where the reader is. */
export function dateAndTime(ms: number): string {
  const time = new Date(ms);
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join("-");
  return `${date} ${timeOfDay(ms)}`;
}

/** A mark of a chart's time axis, as fine as its steps are. */
export function axisTime(seconds: number, stepSeconds: number): string {
  const time = dateAndTime(seconds * SECOND_MS);
  if (stepSeconds * SECOND_MS >= DAY_MS) return time.slice(5, 10);
  return stepSeconds * SECOND_MS >= MINUTE_MS ? time.slice(11, 16) : time.slice(11);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** A value of a record, on one line. */
export function valueText(value: unknown): string {
  return value === undefined ? UNKNOWN : JSON.stringify(value);
}

/** The beginning of an id, which is enough to tell a few apart. */
export function shortId(id: string): string {
  return id.length > 13 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}
