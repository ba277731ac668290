/** A cluster whose regions run this version's processes, or those of the release before it. */
import { join } from "node:path";
import { LocalCluster } from "../../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { openPostgresStore } from "../../../services/adapters/postgres/store.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { buildRelease, PREVIOUS_RELEASE } from "./previous-release.ts";

export const REGIONS = ["eu", "us", "ap"] as const;
export type Release = "previous" | "this";

const VERIFY_LIMIT_MS = 60_000;
const POLL_MS = 100;

export class MixedCluster {
  readonly cluster: LocalCluster;
  readonly #folder: ReturnType<typeof makeTemporaryFolder>;
  readonly #previousEntry: string;

  private constructor(
    cluster: LocalCluster,
    { folder, entry }: { folder: ReturnType<typeof makeTemporaryFolder>; entry: string },
  ) {
    this.cluster = cluster;
    this.#folder = folder;
    this.#previousEntry = entry;
  }

  /**
   * Every region runs the release before this one: without authentication, and without users of nats-servers.
   * @param previous the commit that stands for that release.
   */
  static async start(purpose: string, previous: string = PREVIOUS_RELEASE.commit): Promise<MixedCluster> {
    const { regionEntry: entry } = buildRelease(previous);
    const folder = makeTemporaryFolder(purpose);
    const cluster = await LocalCluster.start({
      dataFolder: folder.path,
      topology: join(packageRoot(), "test/integration/topologies/one-partition.yaml"),
      portBase: 0,
      logLevel: "info",
      authentication: "off",
      natsTakesAnybody: true,
      regionProcesses: false,
    });
    const mixed = new MixedCluster(cluster, { folder, entry });
    try {
      await Promise.all(REGIONS.map((region) => mixed.run(region, "previous")));
      return mixed;
    } catch (error) {
      await mixed.stop();
      throw error;
    }
  }

  /** The region's process, gracefully stopped where one runs, of this release from now on. Each brings its database up to date. */
  async run(region: string, release: Release): Promise<void> {
    await this.cluster.stopRegion(region);
    await this.cluster.startRegion(region, this.#entryOf(release));
  }

  addGateway(region: string, release: Release): ReturnType<LocalCluster["addGateway"]> {
    return this.cluster.addGateway(region, this.#entryOf(release));
  }

  logPath(region: string): string {
    return join(this.#folder.path, "logs", `${region}.log`);
  }

  async withStore<T>(region: string, look: (store: RegionStore) => Promise<T>): Promise<T> {
    const store = openPostgresStore({ url: this.cluster.region(region).postgres.url, region });
    try {
      return await look(store);
    } finally {
      await store.close();
    }
  }

  /** What a region has folded that the others read. */
  async ticksOf(region: string): Promise<Readonly<Record<string, number | undefined>>> {
    const { origins } = await this.withStore(region, (store) => store.readPositions(0));
    return Object.fromEntries(Object.entries(origins).map(([name, { tick }]) => [name, tick?.reads]));
  }

  putSchema(region: string, collection: string, schema: object): Promise<Response> {
    return fetch(`${this.cluster.region(region).url}/v1/collections/${collection}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(schema),
    });
  }

  /** Verdict of a comparison of all regions at one position, and what each region has there. */
  async verify(region: string): Promise<{ verdict: string; digests: readonly string[] }> {
    const { url } = this.cluster.region(region);
    const headers = { "content-type": "application/json" };
    const asked = await fetch(`${url}/v1/verify`, { method: "POST", headers, body: "{}" });
    if (!asked.ok) throw new Error(`verification was not begun: ${asked.status} ${await asked.text()}`);
    const untilMs = performance.now() + VERIFY_LIMIT_MS;
    while (performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const answer = await fetch(`${url}/v1/verifications`);
      const { verifications } = (await answer.json()) as { verifications: Verification[] };
      const [newest] = verifications;
      if (newest?.verdict !== undefined)
        return { verdict: newest.verdict, digests: newest.regions.map(({ digest }) => digest ?? "none") };
    }
    throw new Error(`no verdict within ${VERIFY_LIMIT_MS / 1_000} s`);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    this.#folder.remove();
  }

  #entryOf(release: Release): { entryPath?: string } {
    return release === "previous" ? { entryPath: this.#previousEntry } : {};
  }
}

interface Verification {
  readonly verdict?: string;
  readonly regions: readonly { readonly digest?: string }[];
}
