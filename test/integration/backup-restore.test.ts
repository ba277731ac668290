/** A cluster that is gone comes back from a backup: the same rows, the same answers, and it goes on. */
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LocalCluster } from "../../infra/local/cluster.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { migrateDatabase } from "../../services/adapters/postgres/migrate.ts";
import { createProgram } from "../../services/cli/program.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { converged, digests, eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { startCoordinator } from "./cluster/coordinator.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";

const LIMIT_MS = 120_000;
const SCHEMA = {
  fields: {
    name: { class: "lww" },
    likes: { class: "merge", kind: "counter" },
    email: { class: "authoritative", type: "string", unique: true },
    stock: { class: "merge", kind: "escrow", min: 0 },
  },
};
const REGIONS = ["eu", "us", "ap"];

const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
  process.exitCode = undefined;
});

function forebay(...words: readonly string[]): Promise<unknown> {
  return createProgram("0").parseAsync(["node", "forebay", ...words]);
}

function recordUrl(bed: Bed, region: string, key: string): string {
  return `${bed.cluster.region(region).url}/v1/collections/people/records/${key}`;
}

async function patch(bed: Bed, place: { region: string; key: string }, body: object): Promise<string> {
  const answer = await eventually(`${place.region} takes ${JSON.stringify(body)}`, async () => {
    const tried = await send(recordUrl(bed, place.region, place.key), { method: "PATCH", body });
    return tried !== undefined && tried.status < 300 ? tried : undefined;
  });
  return answer.body["operation"] as string;
}

/** Databases and nats-servers alone. */
async function startServers(): Promise<Bed> {
  const folder = makeTemporaryFolder("restored");
  const cluster = await LocalCluster.start({
    authentication: "off",
    dataFolder: folder.path,
    topology: join(packageRoot(), "test/integration/topologies/one-partition.yaml"),
    portBase: 0,
    migrate: migrateDatabase,
    regionProcesses: false,
    environment: { FOREBAY_VERIFY_EVERY_SECONDS: "0" },
  });
  const stop = async () => {
    await cluster.stop();
    folder.remove();
  };
  stops.push(stop);
  return { cluster, partitions: 1, stop };
}

describe("a backup of a cluster", () => {
  it(
    "brings all of it back on new servers, which go on from there",
    async () => {
      const backups = makeTemporaryFolder("backups");
      stops.push(async () => backups.remove());
      const folder = join(backups.path, "backup");

      const first = await startBed("backed-up", 1, { FOREBAY_VERIFY_EVERY_SECONDS: "0" });
      await createCollection(first, "people", SCHEMA);
      for (let index = 0; index < 60; index += 1) {
        const place = { region: REGIONS[index % 3]!, key: `key-${index % 20}` };
        await patch(first, place, { set: { name: `name ${index}` }, inc: { likes: 1 } });
      }
      const operation = await patch(
        first,
        { region: "us", key: "ada" },
        { set: { email: "ada@example.org" } },
      );
      await patch(first, { region: "eu", key: "ada" }, { give: { stock: 9 } });
      await withStores(first, (stores) => converged(first, stores));
      const before = await withStores(first, (stores) => digests(stores, 0));
      await forebay("backup", folder, "--url", first.cluster.region("ap").url);
      await first.stop();

      const second = await startServers();
      for (const { name, postgres } of second.cluster.regions)
        await forebay("restore", folder, "--region", name, "--postgres", postgres.url);
      const { url } = second.cluster.region("eu").postgres;
      await forebay("restore", folder, "--region", "eu", "--postgres", url);
      for (const region of REGIONS) await second.cluster.startRegion(region);
      // Refused until all regions have said what they have.
      const { url: us } = second.cluster.region("us");
      await eventually("the log is made anew", async () => {
        await forebay("log", "rebuild", "--yes", "--url", us);
        return true;
      });

      const after = await withStores(second, (stores) => digests(stores, 0));
      expect(new Set([...before, ...after]).size).toBe(1);
      for (const region of REGIONS) {
        const { url: base } = second.cluster.region(region);
        const receipt = await eventually(`${region} answers`, async () => {
          const answer = await send(`${base}/v1/operations/${operation}`, { method: "GET" });
          return answer?.status === 200 ? answer : undefined;
        });
        expect(receipt.body["status"]).toBe("committed");
        await patch(second, { region, key: "ada" }, { inc: { likes: 1 }, take: { stock: 1 } });
      }
      const taken = await send(recordUrl(second, "eu", "eve"), {
        method: "PATCH",
        body: { set: { email: "ada@example.org" } },
      });
      expect(taken?.status).toBe(409);
      await withStores(second, (stores) => converged(second, stores));
      const coordinator = await startCoordinator(second, "eu");
      try {
        expect(await coordinator.reconciler.verifyToEnd(0)).toMatchObject({ verdict: "match" });
      } finally {
        await coordinator.close();
      }
      const ada = await send(recordUrl(second, "ap", "ada"), { method: "GET" });
      expect(ada?.body["fields"]).toMatchObject({ email: "ada@example.org", likes: 3, stock: 6 });
    },
    2 * LIMIT_MS,
  );

  it(
    "is not restored over what is there, nor into a region that it does not have",
    async () => {
      const bed = await startBed("not-empty", 1, { FOREBAY_VERIFY_EVERY_SECONDS: "0" });
      stops.push(() => bed.stop());
      const backups = makeTemporaryFolder("backups");
      stops.push(async () => backups.remove());
      const folder = join(backups.path, "backup");
      await createCollection(bed, "people", SCHEMA);
      await patch(bed, { region: "eu", key: "ada" }, { set: { name: "Ada" } });
      await forebay("backup", folder, "--url", bed.cluster.region("eu").url);
      await patch(bed, { region: "us", key: "ada" }, { inc: { likes: 1 } });
      await withStores(bed, (stores) => converged(bed, stores));
      const { url } = bed.cluster.region("us").postgres;
      const restore = (region: string) => forebay("restore", folder, "--region", region, "--postgres", url);
      await expect(restore("sa")).rejects.toThrow(
        "region sa was no member of the cluster that was backed up",
      );
      await expect(restore("us")).rejects.toThrow(/works on the database: stop it/);
      await bed.cluster.stopRegion("us");
      await expect(restore("us")).rejects.toThrow(/only restored into an empty database/);
    },
    LIMIT_MS,
  );
});
