/**
 * `npm run bench -- upgrade [--rate N] [--from COMMIT] [--together]`: apps write through the client in every region, at a fixed
 * rate as far as the machine takes it, while the regions go from the release before this one, or from another commit, to this one,
 * one after the other, and one goes back on the way. No write may fail, be lost or count twice, and all regions have to hold the same
 * in the end. With `--together` each region's writes go through one client, which sends together what comes together: the commit has to
 * take that, as release 0.1.0 does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../integration/cluster/bed.ts";
import { MixedCluster, REGIONS, type Release } from "../integration/upgrade/mixed-cluster.ts";
import { SdkLoad, visits, type LoadOptions, type LoadReport } from "../integration/upgrade/sdk-load.ts";
import { unlessInterrupted } from "./interruption.ts";
import { OptionError, positiveNumber, readOptions } from "./options.ts";
import { progress, report, round } from "./report.ts";

const COMMIT = /^[0-9a-f]{40}$/;
const RATE_DEFAULT = 1_000;
const CALM_MS = 4_000;
const STEPS: readonly (readonly [region: string, release: Release])[] = [
  ["eu", "this"],
  ["us", "this"],
  ["us", "previous"],
  ["us", "this"],
  ["ap", "this"],
];

export async function benchUpgrade(words: readonly string[]): Promise<void> {
  const { rate, from, together = false } = readOptions(words, ["rate", "from"], ["together"]);
  if (from !== undefined && !COMMIT.test(from))
    throw new OptionError(`--from is the whole name of a commit, 40 hexadecimal digits, not ${from}`);
  const writesPerSecond = positiveNumber(rate, "rate", RATE_DEFAULT);
  const mixed = await MixedCluster.start("bench-upgrade", from);
  try {
    await unlessInterrupted(measure(mixed, { writesPerSecond, isTogether: together }));
  } finally {
    await mixed.stop();
  }
}

async function measure(mixed: MixedCluster, options: LoadOptions): Promise<void> {
  await putVisits(mixed);
  const load = new SdkLoad(mixed.cluster);
  const startedAtMs = performance.now();
  load.start(options);
  await sleep(CALM_MS);
  for (const [region, release] of STEPS) {
    progress(`${region} runs ${release === "this" ? "this release" : "the release before"}`);
    await mixed.run(region, release);
    await sleep(CALM_MS);
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const { acknowledged, failed, worstMs } = await load.stop();
  const differences = (await Promise.all(REGIONS.map((region) => load.differences(region)))).flat();
  const { verdict, digests } = await mixed.verify("eu");
  report("upgrade.writes", {
    steps: STEPS.length,
    writes_per_second_per_region: options.writesPerSecond,
    together: options.isTogether,
    done_per_second_per_region: Math.round(acknowledged / seconds / REGIONS.length),
    acknowledged,
    failed: failed.length,
    lost_or_twice: differences.length,
    worst_ms: round(worstMs),
    verdict,
    digests: new Set(digests).size,
  });
  check({ failed, differences, isSame: verdict === "match" && new Set(digests).size === 1 });
}

async function putVisits(mixed: MixedCluster): Promise<void> {
  const made = await mixed.putSchema("eu", visits.name, visits.schema);
  if (!made.ok) throw new Error(`the collection was not made: ${made.status} ${await made.text()}`);
  for (const region of REGIONS)
    await eventually(`${region} has the collection`, async () => {
      const collections = await mixed.withStore(region, (store) => store.readCollections(0));
      return collections.length > 0 ? true : undefined;
    });
}

function check(
  found: Pick<LoadReport, "failed"> & { differences: readonly string[]; isSame: boolean },
): void {
  const { failed, differences, isSame } = found;
  if (failed.length > 0) throw new Error(`${failed.length} writes failed, such as: ${failed[0]}`);
  if (differences.length > 0) throw new Error(`records differ from what was told: ${differences[0]}`);
  if (!isSame) throw new Error("the regions don't hold the same");
}
