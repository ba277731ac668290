/** Lines of CSV, as RFC 4180 has them. Nothing is an empty cell, an empty text is one in quotes. */

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

export function csvLine(cells: readonly (string | null | undefined)[]): string {
  return `${cells.map(cellOf).join(",")}\n`;
}

function cellOf(cell: string | null | undefined): string {
  if (cell === undefined || cell === null) return "";
  return cell === "" || NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
