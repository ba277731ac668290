/** `npm run sim -- --seed=N [--count=M] [--verbose]`: replays one seed, or runs several from it on. */
import { parseArgs } from "node:util";
import { createLogger, silentLogger } from "../../services/runtime/logger.ts";
import { simulate } from "./scenario.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.count);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  console.error("usage: npm run sim -- --seed=N [--count=M] [--verbose], with whole numbers");
  process.exit(2);
}
const logger = values.verbose ? createLogger({ level: "debug", fields: {} }) : silentLogger;
for (let seed = first; seed < first + count; seed += 1) {
  console.log(JSON.stringify(await simulate(seed, { logger })));
}
