/**
 * Metrics in Prometheus' text format. The library's own way to it costs twice as much, which a region with many partitions
 * pays at each scrape, in the turn of its event loop that requests wait for.
 */

export interface MetricValue {
  /** Of a histogram's buckets, sum and count; otherwise the metric's. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

export interface MetricText {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly MetricValue[];
}

/** @param common labels of every value, which its own replace. */
export function prometheusText(
  metrics: readonly MetricText[],
  common: { readonly [label: string]: string },
): string {
  const names = Object.keys(common);
  const suffix = names.map((name) => pair(name, common[name])).join(",");
  let text = "";
  for (const { name, help, type, values } of metrics) {
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const value of values) {
      const labels = joined(pairs(value.labels), suffixFor(value.labels, { names, common, suffix }));
      text += `${value.metricName ?? name}${labels === "" ? "" : `{${labels}}`} ${numberText(value.value)}\n`;
    }
    text += "\n";
  }
  return text;
}

function suffixFor(
  labels: MetricValue["labels"],
  {
    names,
    common,
    suffix,
  }: { names: readonly string[]; common: { readonly [label: string]: string }; suffix: string },
): string {
  if (!names.some((name) => labels[name] !== undefined)) return suffix;
  return names
    .filter((name) => labels[name] === undefined)
    .map((name) => pair(name, common[name]))
    .join(",");
}

function pairs(labels: MetricValue["labels"]): string {
  let text = "";
  for (const name in labels) text = joined(text, pair(name, labels[name]));
  return text;
}

function joined(one: string, other: string): string {
  if (one === "") return other;
  return other === "" ? one : `${one},${other}`;
}

const NEEDS_ESCAPE = /["\\\n]/;

function pair(name: string, value: string | number | undefined): string {
  const text = String(value);
  return `${name}="${NEEDS_ESCAPE.test(text) ? escapeLabel(text) : text}"`;
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
