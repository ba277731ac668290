/** Scenarios as promtool tests them: well, ill but not for long enough, and ill. */
import { stringify } from "yaml";
import type { AlertScenario } from "./scenarios/scenario.ts";

const INTERVAL = "15s";

/** @param ruleFiles absolute paths. */
export function ruleTest(ruleFiles: readonly string[], scenarios: readonly AlertScenario[]): string {
  const tests = scenarios.flatMap((scenario) => [
    { name: `${scenario.alert}: all is well`, ...group(scenario, "well", [silent(scenario, scenario.at)]) },
    { name: `${scenario.alert}: ${scenario.fault}`, ...group(scenario, "ill", fires(scenario)) },
  ]);
  return stringify({ rule_files: ruleFiles, evaluation_interval: INTERVAL, tests });
}

interface AlertTest {
  readonly eval_time: string;
  readonly alertname: string;
  readonly exp_alerts: readonly object[];
}

function group({ series }: AlertScenario, state: "well" | "ill", tests: readonly AlertTest[]) {
  const input = series.map(([name, well, ill]) => ({ series: name, values: state === "well" ? well : ill }));
  return { interval: INTERVAL, input_series: input, alert_rule_test: tests };
}

function silent({ alert }: AlertScenario, at: string): AlertTest {
  return { eval_time: at, alertname: alert, exp_alerts: [] };
}

function fires(scenario: AlertScenario): AlertTest[] {
  const { alert, at, notYetAt, labels, summary } = scenario;
  const annotations = { summary, runbook: `infra/runbooks/${alert}.md` };
  const expected = { exp_labels: labels, exp_annotations: annotations };
  return [
    ...(notYetAt === undefined ? [] : [silent(scenario, notYetAt)]),
    { eval_time: at, alertname: alert, exp_alerts: [expected] },
  ];
}
