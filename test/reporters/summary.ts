/**
 * Ends a test run with a line for each failure, however much was printed of it before, and one plain line that any tool can read:
 * `N passed, N failed`.
 */
import type { Reporter, TestModule, TestSuite } from "vitest/node";

/** Anything can be thrown. */
type Problem = { readonly message?: string };

/** Of what failed: an error's first line tells most. */
const MESSAGE_CHARACTERS_MAX = 240;

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly Problem[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const passed = tests.filter((test) => test.result().state === "passed").length;
    const failures = [
      ...modules.flatMap((module) => [module, ...module.children.allSuites()]).flatMap(failureOfAll),
      ...tests
        .filter((test) => test.result().state === "failed")
        .map((test) => failure(`${test.module.relativeModuleId} > ${test.fullName}`, test.result().errors)),
      ...errors.map((error) => failure("outside of any test", [error])),
    ];
    process.on("exit", () => {
      for (const one of failures) console.log(one);
      console.log(`${passed} passed, ${failures.length} failed`);
    });
  }
}

/** A file that can't be loaded, or whose tests can't be prepared, has no tests that fail. */
function failureOfAll(file: TestModule | TestSuite): string[] {
  const errors = file.errors();
  const name =
    file.type === "module" ? file.relativeModuleId : `${file.module.relativeModuleId} > ${file.fullName}`;
  return errors.length === 0 ? [] : [failure(name, errors)];
}

function failure(what: string, problems: readonly Problem[] = []): string {
  const line = problems[0]?.message?.split("\n", 1)[0] ?? "without an error";
  return `FAILED ${what}: ${line.slice(0, MESSAGE_CHARACTERS_MAX)}`;
}
