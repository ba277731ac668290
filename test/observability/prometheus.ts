/** The real Prometheus, with the configuration and the rules that operators get, looking at regions of a test. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { Child } from "../../infra/local/child.ts";
import { LOOPBACK, PortChooser } from "../../infra/local/ports.ts";
import { provisionPrometheus } from "../../infra/local/provision/prometheus.ts";
import { OBSERVABILITY } from "./rule-files.ts";

const STOP_GRACE_MS = 5_000;
const REQUEST_TIMEOUT_MS = 5_000;

export interface RuleState {
  readonly name: string;
  readonly health: "ok" | "unknown" | "err";
  readonly lastError?: string;
  readonly type: "alerting" | "recording";
  /** Of an alert. */
  readonly state?: "firing" | "pending" | "inactive";
}

export class Prometheus {
  readonly #child: Child;
  readonly #url: string;

  private constructor(child: Child, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** @param options.folder for its data. @param options.targets addresses with their regions. */
  static async start(options: {
    readonly folder: string;
    readonly targets: readonly { readonly address: string; readonly region: string }[];
  }): Promise<Prometheus> {
    const { folder, targets } = options;
    const { path } = await provisionPrometheus("prometheus");
    const port = await new PortChooser().choose();
    const configuration = join(folder, "prometheus.yaml");
    writeFileSync(configuration, configurationFor(targets));
    const child = await Child.spawn({
      command: path,
      args: [
        `--config.file=${configuration}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=${LOOPBACK}:${port}`,
      ],
      logPath: join(folder, "prometheus.log"),
      environment: {},
    });
    return new Prometheus(child, `http://${LOOPBACK}:${port}`);
  }

  async rules(): Promise<RuleState[]> {
    const { groups } = (await this.#get("rules")) as { groups: { rules: RuleState[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  /** Labels and value of each series that the expression finds now. */
  async query(expression: string): Promise<{ labels: { [label: string]: string }; value: number }[]> {
    const found = (await this.#get(`query?${new URLSearchParams({ query: expression }).toString()}`)) as {
      result: { metric: { [label: string]: string }; value: [number, string] }[];
    };
    return found.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async stop(): Promise<void> {
    await this.#child.stop("SIGTERM", STOP_GRACE_MS);
  }

  async #get(path: string): Promise<unknown> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(`${this.#url}/api/v1/${path}`, { signal });
    return ((await response.json()) as { data: unknown }).data;
  }
}

/** What operators get, looking at other addresses, and more often. */
function configurationFor(targets: readonly { readonly address: string; readonly region: string }[]): string {
  const given = parse(readFileSync(join(OBSERVABILITY, "prometheus.yaml"), "utf8")) as {
    scrape_configs: object[];
  };
  const [scrape] = given.scrape_configs;
  return stringify({
    ...given,
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [join(OBSERVABILITY, "rules/*.yaml")],
    scrape_configs: [
      {
        ...scrape,
        static_configs: targets.map(({ address, region }) => ({ targets: [address], labels: { region } })),
      },
    ],
  });
}
