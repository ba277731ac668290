/** Scales from values to coordinates, with ticks at round values. */

export interface Scale {
  readonly ticks: readonly number[];
  /** Where a value is drawn; values outside are drawn at the edge. */
  place(value: number): number;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const STEPS = [1, 2, 5] as const;
const SECOND_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600] as const;

/** From 0 to a round value that is at least `max`. */
export function linearScale(max: number, range: Range, ticksMax = 4): Scale {
  const step = roundStep(Math.max(max, 1) / ticksMax);
  const top = Math.ceil(Math.max(max, 1) / step) * step;
  const count = Math.round(top / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) => index * step);
  return { ticks, place: placing({ from: 0, to: top }, range) };
}

/** The smallest of 1, 2, 5, 10, 20, … that is not smaller; steps below 1 would count parts of rows. */
function roundStep(least: number): number {
  for (let decade = 1; ; decade *= 10) {
    const found = STEPS.find((step) => step * decade >= least);
    if (found !== undefined) return found * decade;
  }
}

/** Decades, since latencies of an undisturbed second and the worst of a bad one are far apart. */
export function logScale(values: readonly number[], range: Range): Scale {
  const positive = values.filter((value) => value > 0);
  const bottom = 10 ** Math.floor(Math.log10(Math.min(10, ...positive)));
  const least = Math.max(bottom * 10, ...positive);
  const decade = 10 ** Math.floor(Math.log10(least));
  const top = decade * ([...STEPS, 10].find((step) => step * decade >= least) ?? 10);
  const place = placing({ from: Math.log10(bottom), to: Math.log10(top) }, range);
  return { ticks: logTicks(bottom, top), place: (value) => place(Math.log10(Math.max(value, bottom))) };
}

function logTicks(bottom: number, top: number): number[] {
  const ticks: number[] = [];
  for (let decade = bottom; decade <= top; decade *= 10) ticks.push(Number(decade.toPrecision(3)));
  const isShort = ticks.length <= 2;
  return isShort
    ? ticks.flatMap((tick) => STEPS.map((step) => step * tick)).filter((tick) => tick <= top)
    : ticks;
}

/** Seconds, at most so many ticks; the scale ends where time ends, not at a tick. */
export function timeScale(seconds: number, range: Range, ticksMax = 9): Scale {
  const step = SECOND_STEPS.find((step) => seconds / step <= ticksMax) ?? seconds;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
  return { ticks, place: placing({ from: 0, to: seconds }, range) };
}

function placing(values: Range, range: Range): (value: number) => number {
  const span = values.to - values.from || 1;
  return (value) => {
    const share = Math.min(1, Math.max(0, (value - values.from) / span));
    return range.from + share * (range.to - range.from);
  };
}
