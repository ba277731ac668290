/** Which metrics and labels an expression of PromQL asks for, and which of them nobody tells. */
import { allRules } from "./rule-files.ts";

/** Of Prometheus itself. */
const OWN_SERIES = new Map([
  ["up", new Map([["job", new Set(["forebay"])]])],
  [
    "ALERTS",
    new Map([
      ["alertstate", new Set(["firing"])],
      ["severity", new Set(["hurt", "risk", "note"])],
    ]),
  ],
]);
/** Put on by Prometheus, or by a dashboard's user. */
const OPEN_LABELS = new Set(["region", "instance", "job", "partition", "origin", "le"]);
const WORDS = new Set(["and", "or", "unless", "by", "on", "without", "ignoring", "bool", "offset"]);
const SELECTOR = /([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
const GROUPING = /\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g;

interface Reference {
  readonly name: string;
  readonly labels: readonly { readonly label: string; readonly values: readonly string[] }[];
}

/** Labels and their values, by the name of the series. */
export type KnownSeries = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

export function seriesOf(metricsText: string): KnownSeries {
  const known = new Map<string, Map<string, Set<string>>>();
  for (const [, name, labels = ""] of metricsText.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const values = known.get(name!) ?? new Map<string, Set<string>>();
    known.set(name!, values);
    for (const [, label, value] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      values.set(label!, (values.get(label!) ?? new Set()).add(value!));
    }
  }
  return known;
}

export function referencesOf(expression: string): Reference[] {
  const bare = expression
    .replaceAll(GROUPING, " ")
    .replaceAll(/\[[^\]]*\]/g, " ")
    .replaceAll(/(?<![{,]\s*\w*\s*[=!~]{1,2}\s*)"[^"]*"(?![^{]*\})/g, " ");
  return [...bare.matchAll(SELECTOR)].flatMap((match) => {
    const [whole, name, matchers = ""] = match;
    const after = bare.slice(match.index + whole.length);
    const before = bare.slice(0, match.index);
    if (WORDS.has(name!) || /^\s*\(/.test(after) || /\d$/.test(before)) return [];
    const labels = [...matchers.matchAll(MATCHER)].map(([, label, operator, value]) => ({
      label: label!,
      values: operator!.endsWith("~") ? value!.split("|") : [value!],
    }));
    return [{ name: name!, labels }];
  });
}

/** What is asked for and nobody tells, in sentences. */
export function unknownIn(expression: string, known: KnownSeries): string[] {
  const recorded = new Set(allRules().flatMap(({ record }) => record ?? []));
  const anywhere = labelsAnywhere(known);
  return referencesOf(expression).flatMap(({ name, labels }) => {
    const own = known.get(name) ?? OWN_SERIES.get(name) ?? (recorded.has(name) ? anywhere : undefined);
    if (own === undefined) return [`nobody tells ${name}`];
    return labels.flatMap(({ label, values }) => unknownLabel({ name, label, values }, own));
  });
}

function unknownLabel(
  { name, label, values }: { name: string; label: string; values: readonly string[] },
  known: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  if (OPEN_LABELS.has(label)) return [];
  const told = known.get(label);
  if (told === undefined) return [`${name} has no label ${label}`];
  return values
    .filter((value) => !told.has(value) && /^[\w-]+$/.test(value))
    .map((value) => `${name} never has ${label}="${value}"`);
}

function labelsAnywhere(known: KnownSeries): Map<string, ReadonlySet<string>> {
  const all = new Map<string, Set<string>>();
  for (const labels of known.values()) {
    for (const [label, values] of labels) {
      all.set(label, new Set([...(all.get(label) ?? []), ...values]));
    }
  }
  return all;
}
