/**
 * `npm run sim -- --seed=N [--count=M] [--verbose]`: replays one seed, or runs several from it on.
 * `npm run sim -- --upgrades --seed=N [--count=M] [--verbose]`: the same of regions that run different releases.
 * `npm run sim -- --verdicts=N [--seed=N]`: as many verifications under trouble without drift, and as many with one planted.
 */
import { parseArgs } from "node:util";
import { createLogger, silentLogger } from "../../services/runtime/logger.ts";
import { simulate } from "./scenario.ts";
import { tryVerdicts } from "./try-verdicts.ts";
import { simulateUpgrade } from "./upgrade-scenario.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
    upgrades: { type: "boolean", default: false },
    verdicts: { type: "string" },
  },
});
const first = wholeNumber(values.seed);
if (values.verdicts === undefined) {
  const count = wholeNumber(values.count);
  const logger = values.verbose ? createLogger({ level: "debug", fields: {} }) : silentLogger;
  const run = values.upgrades ? simulateUpgrade : simulate;
  for (let seed = first; seed < first + count; seed += 1)
    console.log(JSON.stringify(await run(seed, { logger })));
} else {
  process.exitCode = (await tryVerdicts({ first, count: wholeNumber(values.verdicts), tell })) ? 0 : 1;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(
    "usage: npm run sim -- [--upgrades] --seed=N [--count=M] [--verbose], or --verdicts=N [--seed=N], with whole numbers",
  );
  process.exit(2);
}

function tell(line: string): void {
  console.log(line);
}
