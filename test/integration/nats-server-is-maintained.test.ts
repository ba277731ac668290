/**
 * Every nats-server is restarted, one after the other, with the commands of infra/runbooks/procedures/MaintainNats.md, while every
 * region takes writes: none of the local ones fails.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createProgram } from "../../services/cli/program.ts";
import { converged, digests, eventually, startBed, withStores, type LocalBed } from "./cluster/bed.ts";
import { COLLECTION, createCollection } from "./cluster/load.ts";

const WRITE_PAUSE_MS = 20;

let bed: LocalBed;

beforeAll(async () => {
  bed = await startBed("nats-maintenance", 1, { FOREBAY_LEADER_PLACEMENT: "on" });
  await createCollection(bed);
}, 180_000);

afterAll(() => bed.stop());

const forebay = (...words: readonly string[]) =>
  createProgram("0").parseAsync(["node", "forebay", ...words, "--data", bed.folder]);

/** One client in each region, that tries each write once. */
class Writers {
  acknowledged = 0;
  readonly failures: string[] = [];
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor() {
    this.#running = Promise.all(bed.cluster.regions.map(({ name, url }) => this.#write(name, url)));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #write(name: string, url: string): Promise<void> {
    for (let index = 0; !this.#isOver; index += 1) {
      const response = await fetch(`${url}/v1/collections/${COLLECTION}/records/${name}-${index % 50}`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inc: { total: 1 } }),
      });
      const text = await response.text();
      if (response.status === 202) this.acknowledged += 1;
      else this.failures.push(`${name}: ${response.status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, WRITE_PAUSE_MS));
    }
  }
}

it("is left, restarted and waited for, one server after the other, and no local write fails", async () => {
  const writers = new Writers();
  try {
    for (const { name } of bed.cluster.regions) {
      await forebay("nats", "leave", name);
      expect(await bed.cluster.faults.leader()).not.toBe(name);
      await bed.cluster.faults.restart("nats", name);
      await forebay("nats", "wait", name);
    }
  } finally {
    await writers.end();
  }
  expect(writers.failures).toEqual([]);
  expect(writers.acknowledged).toBeGreaterThan(0);
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
  });
}, 300_000);

it("is refused while another server is away", async () => {
  await bed.cluster.stopNats("ap");
  await eventually("the leader has noticed", async () => {
    try {
      await forebay("nats", "leave", "eu");
      return undefined;
    } catch (error) {
      return /nats-server of ap is away/.test((error as Error).message) ? true : undefined;
    }
  });
  await bed.cluster.startNats("ap");
  await forebay("nats", "wait", "ap");
}, 120_000);
