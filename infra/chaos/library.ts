/** Scenarios that come with the package, by name, and those of a user, by path. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { InvalidScenarioError, parseScenario, type Scenario } from "./scenario.ts";

const EXTENSION = ".yaml";

function folder(): string {
  return join(packageRoot(), "infra", "chaos", "scenarios");
}

export function scenarioNames(): readonly string[] {
  return readdirSync(folder())
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/**
 * A path wins over a name.
 * @throws {InvalidScenarioError} when there is none, or it is not as it has to be.
 */
export function loadScenario(pathOrName: string): Scenario {
  const isName = !existsSync(pathOrName) && scenarioNames().includes(pathOrName);
  const path = isName ? join(folder(), `${pathOrName}${EXTENSION}`) : pathOrName;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new InvalidScenarioError(
      `scenario ${pathOrName} can't be read (${(error as Error).message}); give a file, or one of ${scenarioNames().join(", ")}`,
      { cause: error },
    );
  }
  return parseScenario(text, path);
}
