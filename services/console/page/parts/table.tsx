/** Tables with captions, that scroll inside themselves where the window is narrow. */
import type { ComponentChildren } from "preact";

export interface Column {
  readonly title: string;
  /** Figures stand under each other from the right. */
  readonly isFigure?: boolean;
}

export interface TableRow {
  readonly id: string;
  /** The first is the row's header. */
  readonly cells: readonly ComponentChildren[];
  readonly tone?: "risk" | "hurt" | undefined;
}

export interface TableProps {
  readonly caption: string;
  /** The section's title says the same. */
  readonly isCaptionHidden?: boolean;
  readonly columns: readonly Column[];
  readonly rows: readonly TableRow[];
  readonly empty?: string;
}

export function Table({ caption, isCaptionHidden = true, columns, rows, empty = "Nothing." }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={isCaptionHidden ? "hidden" : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isFigure = false }) => (
              <th key={title} scope="col" class={isFigure ? "figure" : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.id} row={row} columns={columns} />
          ))}
          {rows.length === 0 && (
            <tr>
              <td colSpan={columns.length} class="nothing">
                {empty}
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, columns }: { readonly row: TableRow; readonly columns: readonly Column[] }) {
  return (
    <tr class={row.tone === undefined ? undefined : `row-${row.tone}`}>
      {row.cells.map((cell, index) => {
        const className = columns[index]?.isFigure === true ? "figure" : undefined;
        return index === 0 ? (
          <th key={index} scope="row" class={className}>
            {cell}
          </th>
        ) : (
          <td key={index} class={className}>
            {cell}
          </td>
        );
      })}
    </tr>
  );
}
