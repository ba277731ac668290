/** The frame of a panel: its box, its value axis, and the labels of its series beside it. */
import { spread } from "./labels.ts";
import type { Scale } from "./scale.ts";
import { element, text } from "./svg.ts";

export const FONT_SIZE = 12;
const LABEL_DISTANCE = 16;
const LABEL_X = 12;
const SWATCH = 8;

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A panel draws itself into its box; all panels share the scale of time. */
export interface Panel {
  readonly id: string;
  readonly caption: string;
  draw(box: Box, time: Scale): string;
}

export interface SeriesLabel {
  readonly text: string;
  readonly className: string;
  /** Where its series ends. */
  readonly y: number;
}

export function valueAxis(box: Box, scale: Scale, format: (tick: number) => string): string {
  return scale.ticks
    .map((tick) => {
      const y = scale.place(tick);
      return (
        element("path", { class: "line grid", d: `M${box.left} ${Math.round(y) + 0.5}H${box.right}` }) +
        text(
          { class: "quiet", x: box.left - 8, y: y + 4, "text-anchor": "end", "font-size": FONT_SIZE },
          format(tick),
        )
      );
    })
    .join("");
}

export function seriesLabels(box: Box, labels: readonly SeriesLabel[]): string {
  const places = spread(
    labels.map(({ y }) => y),
    { from: box.top + LABEL_DISTANCE / 2, to: box.bottom - LABEL_DISTANCE / 4, distance: LABEL_DISTANCE },
  );
  return labels
    .map(({ text: content, className }, index) => {
      const y = places[index]!;
      const swatch = { class: className, x: box.right + LABEL_X, y: y - SWATCH / 2, rx: 2 };
      return (
        element("rect", { ...swatch, width: SWATCH, height: SWATCH }) +
        text({ class: "ink", x: box.right + LABEL_X + SWATCH + 6, y: y + 4, "font-size": FONT_SIZE }, content)
      );
    })
    .join("");
}
