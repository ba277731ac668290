/** Prints rows under aligned headings. */

const GAP = "  ";

/** @param rows cells as text; a missing cell is empty. Columns of numbers are aligned to the right. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = headings.map((heading, index) => {
    const cells = rows.map((row) => row[index] ?? "");
    const width = Math.max(heading.length, ...cells.map((cell) => cell.length));
    const isNumeric = cells.some((cell) => /\d/.test(cell)) && cells.every((cell) => /^[\d.,]*$/.test(cell));
    return { width, isNumeric };
  });
  const line = (cells: readonly string[]) =>
    columns
      .map(({ width, isNumeric }, index) => {
        const cell = cells[index] ?? "";
        return isNumeric ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  return [headings, ...rows].map(line).join("\n");
}

/** A duration as people read it. */
export function formatDuration(durationMs: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1_000],
  ] as const;
  const found = units.find(([, unitMs]) => durationMs >= unitMs);
  if (found === undefined) return `${Math.round(durationMs)} ms`;
  const [name, unitMs] = found;
  return `${(durationMs / unitMs).toFixed(1)} ${name}`;
}
