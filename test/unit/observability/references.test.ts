/** Rules, dashboards, runbooks and compose name what there is: metrics, labels, alerts, commands, settings, files. */
import type { Command } from "commander";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../../../services/cli/program.ts";
import { KNOWN_VARIABLES } from "../../../services/runtime/config/sources.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { fullMetrics } from "../../observability/full-metrics.ts";
import { referencesOf, seriesOf, unknownIn } from "../../observability/metric-references.ts";
import { allRules, OBSERVABILITY, rulesOf, RUNBOOKS, type Rule } from "../../observability/rule-files.ts";

const KNOWN = seriesOf(await fullMetrics({ partitions: 2, regions: ["eu", "us", "ap"] }).text());
const SECTIONS = ["## Symptom", "## Impact", "## Check", "## Act", "## Undo"];
const SEVERITIES = ["hurt", "risk", "note"];

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly type: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
}

function dashboards(): Dashboard[] {
  const folder = join(OBSERVABILITY, "grafana/dashboards");
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Dashboard);
}

function runbooks(): { name: string; text: string }[] {
  return readdirSync(RUNBOOKS)
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => ({ name: name.slice(0, -3), text: readFileSync(join(RUNBOOKS, name), "utf8") }));
}

const PROCEDURES = join(RUNBOOKS, "procedures");
const PROCEDURE_SECTIONS = ["## Purpose", "## Before", "## Steps", "## What you see", "## Going back"];

function procedures(): { name: string; text: string }[] {
  return readdirSync(PROCEDURES)
    .filter((name) => name !== "README.md")
    .map((name) => ({ name, text: readFileSync(join(PROCEDURES, name), "utf8") }));
}

/** Of region processes, and of nats-servers. */
function settings(): ReadonlySet<string> {
  const users = readFileSync(join(packageRoot(), "infra/nats/users.ts"), "utf8");
  return new Set([
    ...KNOWN_VARIABLES,
    ...[...users.matchAll(/"(FOREBAY_[A-Z0-9_]+)"/g)].map(([, name]) => name!),
  ]);
}

/** Of text and of shell blocks, whose lines may go on. */
function commandLines(pages: readonly { text: string }[]): string[] {
  return pages.flatMap(({ text }) =>
    [...text.replaceAll("\\\n", " ").matchAll(/`(forebay [^`]*)`|^ *(forebay .*)$/gm)].map(
      ([, inText, inBlock]) => (inText ?? inBlock!).replaceAll(/"[^"]*"|“[^”]*”/g, "TEXT"),
    ),
  );
}

/** What is wrong between alerts and their pages. */
function pageProblems(rules: readonly Rule[], pages: readonly string[]): string[] {
  const alerts = rules.filter(({ alert }) => alert !== undefined);
  return [
    ...alerts.flatMap(({ alert, labels, annotations }) => [
      ...(pages.includes(alert!) ? [] : [`${alert} has no page`]),
      ...(annotations?.runbook === `infra/runbooks/${alert}.md` ? [] : [`${alert} names another page`]),
      ...(SEVERITIES.includes(labels?.["severity"] ?? "") ? [] : [`${alert} has no severity`]),
    ]),
    ...pages
      .filter((page) => !alerts.some(({ alert }) => alert === page))
      .map((page) => `${page} has no alert`),
  ];
}

/** Whether a command line begins with a command that there is, has only options of it, and all that it needs. */
function commandProblem(program: Command, line: string): string | undefined {
  let command = program;
  for (const word of line.split(/\s+/).slice(1)) {
    if (word.startsWith("--")) {
      const inherited = command.options.concat(command.parent?.options ?? []);
      const defaults = command.commands.flatMap((one) => [...one.options]);
      if (![...inherited, ...defaults].some(({ long }) => long === word)) return `${line}: no ${word}`;
      continue;
    }
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined && command === program) return `${line}: no such command`;
    command = next ?? command;
  }
  const missing = command.options.find(({ mandatory, long }) => mandatory && !line.includes(long ?? ""));
  return missing === undefined ? undefined : `${line}: without ${missing.long}`;
}

describe("rules and dashboards", () => {
  it("ask for metrics and labels that a region tells", () => {
    for (const { expr } of allRules()) expect(unknownIn(expr, KNOWN), expr).toEqual([]);
    const boards = dashboards();
    expect(boards).toHaveLength(4);
    for (const { panels, templating } of boards) {
      for (const { expr } of panels.flatMap(({ targets = [] }) => targets)) {
        expect(unknownIn(expr, KNOWN), expr).toEqual([]);
      }
      for (const { query } of templating.list) {
        const [, name] = /^label_values\((\w+), \w+\)$/.exec(query) ?? [];
        expect(KNOWN.has(name!), query).toBe(true);
      }
    }
  });

  it("don't, where a name or a label is misspelt", () => {
    const found = (expression: string) => unknownIn(expression, KNOWN);
    expect(found("sum(rate(forebay_fold_operation_total[2m]))")).toEqual([
      "nobody tells forebay_fold_operation_total",
    ]);
    expect(found('max(forebay_log_breaker_state{state="closd"}) == 0')).toEqual([
      'forebay_log_breaker_state never has state="closd"',
    ]);
    expect(found('rate(forebay_lag_seconds_bucket{stage="log"}[5m])')).toEqual([
      "forebay_lag_seconds_bucket has no label stage",
    ]);
    expect(found('region:forebay_requests:rate2m{class="lokal"} > 0')).toEqual([
      'region:forebay_requests:rate2m never has class="lokal"',
    ]);
    expect(referencesOf('label_replace(min by (peer) (a) > 30, "region", "$1", "peer", "(.*)")')).toEqual([
      { name: "a", labels: [] },
    ]);
  });

  it("have panels that say what they show, from the source that is provisioned, and don't overlap", () => {
    for (const { panels } of dashboards()) {
      for (const panel of panels.filter(({ type }) => type !== "row")) {
        expect(panel.description, panel.title).toMatch(/\S.*\.$/);
        expect(panel.datasource?.uid, panel.title).toBe("forebay");
      }
      const places = panels.map(({ gridPos }) => gridPos);
      for (const [index, one] of places.entries()) {
        expect(one.x + one.w).toBeLessThanOrEqual(24);
        for (const other of places.slice(index + 1)) {
          const isBeside = one.x + one.w <= other.x || other.x + other.w <= one.x;
          const isAbove = one.y + one.h <= other.y || other.y + other.h <= one.y;
          expect(isBeside || isAbove, JSON.stringify([one, other])).toBe(true);
        }
      }
    }
  });
});

describe("runbooks", () => {
  it("are there for each alert, and for nothing else", () => {
    const pages = runbooks().map(({ name }) => name);
    expect(pageProblems(allRules(), pages)).toEqual([]);
    const planted = rulesOf([
      "groups: [{ rules: [{ alert: Lost, expr: up, labels: { severity: bad }, annotations: { runbook: x } }] }]",
    ]);
    expect(pageProblems(planted, ["Found"])).toEqual([
      "Lost has no page",
      "Lost names another page",
      "Lost has no severity",
      "Found has no alert",
    ]);
  });

  it("are made alike, and listed", () => {
    const index = readFileSync(join(RUNBOOKS, "README.md"), "utf8");
    for (const { name, text } of runbooks()) {
      expect(text.startsWith(`# ${name}\n`), name).toBe(true);
      const sections = [...text.matchAll(/^## .*$/gm)].map(([heading]) => heading);
      expect(sections, name).toEqual(SECTIONS);
      expect(index).toContain(`(${name}.md)`);
    }
  });

  it("name metrics, settings and pages that there are", () => {
    for (const { name, text } of runbooks()) {
      for (const [metric] of text.matchAll(/\b(?:forebay|nodejs|process)_[a-z_]+\b/g)) {
        expect(
          [...KNOWN.keys()].some((known) => known.startsWith(metric)),
          `${name}: ${metric}`,
        ).toBe(true);
      }
      for (const [setting] of text.matchAll(/\bFOREBAY_[A-Z_]+\b/g)) {
        expect(KNOWN_VARIABLES, `${name}: ${setting}`).toContain(setting);
      }
      for (const [, link] of text.matchAll(/\]\(([^)]+)\)/g)) {
        expect(existsSync(join(RUNBOOKS, link!)), `${name}: ${link}`).toBe(true);
      }
    }
  });

  it("name commands that there are", () => {
    const program = createProgram("1.0.0");
    const lines = commandLines(runbooks());
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.flatMap((line) => commandProblem(program, line) ?? [])).toEqual([]);
    expect(commandProblem(program, "forebay restart us")).toMatch(/no such command/);
    expect(commandProblem(program, "forebay leader move us --now")).toMatch(/no --now/);
    const needing = createProgram("1.0.0");
    needing.command("mend <id>").requiredOption("--why <text>");
    expect(commandProblem(needing, "forebay mend ID")).toMatch(/without --why/);
    expect(commandProblem(needing, 'forebay mend ID --why "…"')).toBeUndefined();
    expect(commandProblem(program, "forebay key create NAME")).toMatch(/without --scope/);
  });
});

describe("procedures", () => {
  it("are made alike, listed, and name commands, settings, pages and tests that there are", () => {
    const index = readFileSync(join(PROCEDURES, "README.md"), "utf8");
    const program = createProgram("1.0.0");
    expect(commandLines(procedures()).flatMap((line) => commandProblem(program, line) ?? [])).toEqual([]);
    for (const { name, text } of [...procedures(), { name: "README.md", text: index }]) {
      for (const [, link] of text.matchAll(/\]\(([^)]+)\)/g)) {
        expect(existsSync(join(PROCEDURES, link!)), `${name}: ${link}`).toBe(true);
      }
    }
    for (const [test] of index.matchAll(/test\/[\w/-]+\.test\.ts/g)) {
      expect(existsSync(join(packageRoot(), test)), test).toBe(true);
    }
    for (const { name, text } of procedures()) {
      for (const [setting] of text.matchAll(/\bFOREBAY_[A-Z0-9_]+\b/g)) {
        expect(settings(), `${name}: ${setting}`).toContain(setting);
      }
      const sections = [...text.matchAll(/^## .*$/gm)].map(([heading]) => heading);
      expect(sections, name).toEqual(PROCEDURE_SECTIONS);
      expect(index, name).toContain(`(${name})`);
    }
  });
});

describe("the README of Terraform", () => {
  it("names commands that there are", () => {
    const program = createProgram("1.0.0");
    const text = readFileSync(join(packageRoot(), "terraform/README.md"), "utf8");
    const lines = commandLines([{ text }]);
    expect(lines.some((line) => line.startsWith("forebay nats config --region eu"))).toBe(true);
    expect(lines.flatMap((line) => commandProblem(program, line) ?? [])).toEqual([]);
  });
});

describe("the compose file", () => {
  const path = join(packageRoot(), "infra/compose/compose.yaml");

  it("mounts what is there, and loads it", () => {
    const { services } = parse(readFileSync(path, "utf8")) as {
      services: { [name: string]: { volumes: string[] } };
    };
    expect(Object.keys(services).sort()).toEqual(["grafana", "prometheus"]);
    const mounted = Object.values(services).flatMap(({ volumes }) =>
      volumes.map((volume) => volume.split(":")[0]!).filter((source) => source.startsWith(".")),
    );
    expect(mounted).toHaveLength(4);
    for (const source of mounted) expect(existsSync(join(dirname(path), source)), source).toBe(true);
  });

  it("provisions the source that dashboards name, and their folder", () => {
    const provisioning = join(OBSERVABILITY, "grafana/provisioning");
    const read = (name: string) => parse(readFileSync(join(provisioning, name), "utf8")) as unknown;
    expect(read("datasources/forebay.yaml")).toMatchObject({ datasources: [{ uid: "forebay" }] });
    const dashboardPath = "/var/lib/grafana/dashboards";
    expect(read("dashboards/forebay.yaml")).toMatchObject({
      providers: [{ options: { path: dashboardPath } }],
    });
    expect(readFileSync(path, "utf8")).toContain(`:${dashboardPath}:ro`);
  });
});
