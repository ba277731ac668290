/** `forebay top`: the whole cluster as one region sees it, again and again; whichever region answers is asked. */
import { InvalidArgumentError, type Command } from "commander";
import type { ClusterView } from "../../protocol/cluster/view.ts";
import { API_PREFIX } from "../../protocol/http/headers.ts";
import { findRegions, type ClusterRegion } from "../cluster.ts";
import { withCommonOptions, type CommonOptions } from "../common-options.ts";
import { CommandError } from "../errors.ts";
import { callApi, UnreachableError } from "../http.ts";
import { repeatFrames, standardOutput, untilInterrupted } from "../screen.ts";
import { formatTop } from "../top-text.ts";

const TIMEOUT_MS = 3_000;
const INTERVAL_MS = 1_000;
const INTERVAL_MS_MIN = 200;

interface TopOptions extends CommonOptions {
  readonly interval: number;
  readonly once?: true;
}

export function addTopCommand(program: Command): void {
  withCommonOptions(program.command("top"))
    .description("show what hurts, each region, and where operations wait and why, until Ctrl-C")
    .option("--interval <ms>", "time between looks", parseInterval, INTERVAL_MS)
    .option("--once", "look once")
    .action(async (options: TopOptions) => {
      const source = new ViewSource(regionsToAsk(options));
      if (options.once === true) return void process.stdout.write(`${formatTop(await source.read())}\n`);
      let before: ClusterView | undefined;
      const frame = async () => {
        const view = await source.read();
        const text = formatTop(view, before);
        // Between two looks there may be no new report of a region: its rates are those of the last two.
        if (before === undefined || view.viewer.at - before.viewer.at >= INTERVAL_MS) before = view;
        return text;
      };
      await repeatFrames({
        screen: standardOutput(),
        everyMs: options.interval,
        stop: untilInterrupted(),
        frame,
      });
    });
}

function regionsToAsk(options: TopOptions): readonly ClusterRegion[] {
  const regions = findRegions(options);
  if (options.region === undefined || options.url !== undefined) return regions;
  const asked = regions.filter(({ name }) => name === options.region);
  if (asked.length > 0) return asked;
  const known = regions.map(({ name }) => name).join(", ");
  throw new CommandError(`there is no region "${options.region}"; the cluster has ${known}`);
}

/** Stays with the region that has answered last, for as long as it does. */
export class ViewSource {
  #regions: readonly ClusterRegion[];

  constructor(regions: readonly ClusterRegion[]) {
    this.#regions = regions;
  }

  /** @throws {CommandError} no region answers. */
  async read(): Promise<ClusterView> {
    const problems: string[] = [];
    for (const region of this.#regions) {
      try {
        const { body } = await callApi(region, { path: `${API_PREFIX}/cluster`, timeoutMs: TIMEOUT_MS });
        this.#regions = [region, ...this.#regions.filter((other) => other !== region)];
        return body as ClusterView;
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        problems.push(error.message);
      }
    }
    throw new CommandError(["no region answers", ...problems].join("\n"));
  }
}

export function parseInterval(text: string): number {
  const intervalMs = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (intervalMs >= INTERVAL_MS_MIN) return intervalMs;
  throw new InvalidArgumentError(`An interval is a number of milliseconds from ${INTERVAL_MS_MIN}.`);
}
