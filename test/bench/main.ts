/**
 * `npm run bench [accept] [decide] [fold] [memory]`: measures for real and prints figures as JSON lines. What takes minutes
 * has to be named, as `scrape` has: `overload`, `sick [--seconds N]`, `drain [--operations N] [--spread] [--quiet]`, `verify [--records N] …`,
 * `bootstrap [--records N] [--writes N]`, `page [--seconds N]`, `console`, `feed [--only prefixes,whole,stalled] [--writes single|together]`, `import [--rows N]`,
 * `restart [--rate N] [--rounds N]`, `upgrade [--rate N]`, `sdk [--only bundle,overhead] [--seconds N]`, `election [--only kills,quorum,etcd] [--etcd PATH] …`.
 */
import { benchAccept } from "./accept.ts";
import { benchBootstrap, readBootstrapOptions } from "./bootstrap.ts";
import { benchConsole } from "./console.ts";
import { benchDecide } from "./decide.ts";
import { benchDrain, readDrainOptions } from "./drain.ts";
import { benchElection } from "./election/election.ts";
import { benchFeed } from "./feed.ts";
import { benchFold } from "./fold.ts";
import { benchImport } from "./import.ts";
import { InterruptedError, listenForInterrupts } from "./interruption.ts";
import { benchMemory } from "./memory.ts";
import { benchOverload } from "./overload.ts";
import { benchRestart } from "./restart.ts";
import { benchScrape } from "./scrape.ts";
import { benchPage } from "./page.ts";
import { benchSdk } from "./sdk.ts";
import { benchSick } from "./sick.ts";
import { OptionError } from "./options.ts";
import { benchUpgrade } from "./upgrade.ts";
import { benchVerify } from "./verify/verify.ts";

type Bench = (options: readonly string[]) => Promise<void>;

const BENCHES: Readonly<Record<string, Bench>> = {
  accept: withoutOptions(benchAccept),
  decide: withoutOptions(benchDecide),
  fold: withoutOptions(benchFold),
  memory: withoutOptions(benchMemory),
  console: withoutOptions(benchConsole),
  feed: benchFeed,
  overload: withoutOptions(benchOverload),
  bootstrap: (words) => benchBootstrap(readBootstrapOptions(words)),
  import: benchImport,
  drain: (words) => benchDrain(readDrainOptions(words)),
  election: benchElection,
  restart: benchRestart,
  scrape: withoutOptions(benchScrape),
  page: benchPage,
  sdk: benchSdk,
  sick: benchSick,
  upgrade: benchUpgrade,
  verify: benchVerify,
};
/** What runs when none is named. */
const BY_DEFAULT = ["accept", "decide", "fold", "memory"];

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

function withoutOptions(bench: () => Promise<void>): Bench {
  return (options) => {
    if (options.length > 0)
      throw new OptionError(`this benchmark takes no options, and ${options[0]} is one`);
    return bench();
  };
}

/** Names come first, then the options, which go to each that is named. */
async function main(words: readonly string[]): Promise<void> {
  const firstOption = words.findIndex((word) => word.startsWith("--"));
  const names = firstOption === -1 ? words : words.slice(0, firstOption);
  const options = firstOption === -1 ? [] : words.slice(firstOption);
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
  if (unknown.length > 0) {
    const known = Object.keys(BENCHES).join(", ");
    throw new OptionError(`there is no benchmark ${unknown.join(", ")}; there are ${known}`);
  }
  for (const name of names.length > 0 ? names : BY_DEFAULT) await BENCHES[name]!(options);
}

listenForInterrupts();
try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof OptionError || error instanceof InterruptedError)) throw error;
  console.error(error.message);
  // What was abandoned may still have timers.
  process.exit(error instanceof OptionError ? EXIT_USAGE : EXIT_INTERRUPTED);
}
