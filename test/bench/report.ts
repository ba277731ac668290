/** Figures as JSON lines: one object per measurement, with the ratio to the limit measured in the same run. */

export function report(name: string, figures: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ bench: name, ...figures }));
}

export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
