/** What is in the rule files: alerts, and what is recorded. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { packageRoot } from "../../services/runtime/package-root.ts";

export const OBSERVABILITY = join(packageRoot(), "infra/observability");
export const RUNBOOKS = join(packageRoot(), "infra/runbooks");

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly [label: string]: string };
  readonly annotations?: { readonly summary?: string; readonly runbook?: string };
}

export function ruleFiles(): string[] {
  const folder = join(OBSERVABILITY, "rules");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(folder, name));
}

export function rulesOf(texts: readonly string[]): Rule[] {
  return texts.flatMap((text) => {
    const { groups } = parse(text) as { groups: { rules: Rule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  });
}

export function allRules(): Rule[] {
  return rulesOf(ruleFiles().map((path) => readFileSync(path, "utf8")));
}
