/** Colours of the figure, for light and for dark surroundings. */

interface Shade {
  readonly light: string;
  readonly dark: string;
}

/** Of regions, in their order: told apart also by those who see few colours (Okabe and Ito). */
const SERIES: readonly Shade[] = [
  { light: "#0072b2", dark: "#56b4e9" },
  { light: "#c2570c", dark: "#f0a04b" },
  { light: "#008a63", dark: "#2fd0a0" },
  { light: "#a8498a", dark: "#e08cc4" },
  { light: "#7a6a00", dark: "#e6d64a" },
];

const NAMED: Readonly<Record<string, Shade>> = {
  paper: { light: "#ffffff", dark: "#14181d" },
  ink: { light: "#1b1f24", dark: "#e7ebf0" },
  quiet: { light: "#57606a", dark: "#9aa5b1" },
  grid: { light: "#d8dee4", dark: "#343c46" },
  band: { light: "#f1e9dc", dark: "#2a2620" },
  fault: { light: "#9a6b1f", dark: "#c79a4e" },
  succeeded: { light: "#b4bec9", dark: "#566270" },
  refused: { light: "#d98c00", dark: "#f2b134" },
  unknown: { light: "#7a3fc0", dark: "#b78bf0" },
  failed: { light: "#cf222e", dark: "#ff6b6b" },
};

export function seriesClass(index: number): string {
  return `series-${index % SERIES.length}`;
}

/** Classes `x` fill with a colour, classes `x line` draw with it. */
export function styleSheet(): string {
  const colours = [
    ...Object.entries(NAMED),
    ...SERIES.map((shade, index) => [seriesClass(index), shade] as const),
  ];
  const rules = (tone: keyof Shade) =>
    colours
      .map(([name, shade]) => {
        const colour = shade[tone];
        return `.${name}{fill:${colour}}.line.${name}{fill:none;stroke:${colour}}`;
      })
      .join("");
  return [
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}",
    ".line{stroke-linejoin:round;stroke-linecap:round}",
    rules("light"),
    `@media (prefers-color-scheme:dark){${rules("dark")}}`,
  ].join("");
}
