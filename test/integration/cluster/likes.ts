/** Writes that add one each, of which it is known in the end how many took effect. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { showFields } from "../../../services/core/record.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";
import { eventually, type Bed } from "./bed.ts";
import { send } from "./request.ts";

export const LIKES_SCHEMA = { fields: { likes: { class: "merge", kind: "counter" } } };
const COLLECTION = "posts";
const KEYS = ["a", "b", "c", "d"];

export class Likes {
  readonly #bed: Bed;
  accepted = 0;
  #isOver = false;

  constructor(bed: Bed) {
    this.#bed = bed;
  }

  /** Tries until the region has taken it: it counts once, however often it was tried. */
  async add(region: string, count = 1): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      const key = KEYS[this.accepted % KEYS.length]!;
      const headers = { "idempotency-key": randomUUID() };
      await eventually(`${region} takes a write`, async () => {
        const url = `${this.#bed.cluster.region(region).url}/v1/collections/${COLLECTION}/records/${key}`;
        const answer = await send(url, { method: "PATCH", headers, body: { inc: { likes: 1 } } });
        return answer !== undefined && [200, 202].includes(answer.status) ? true : undefined;
      });
      this.accepted += 1;
    }
  }

  /** Goes on in these regions until it is told to end. */
  load(regions: readonly string[]): { end(): Promise<void> } {
    this.#isOver = false;
    const clients = regions.map(async (region) => {
      while (!this.#isOver) await this.add(region);
    });
    return {
      end: async () => {
        this.#isOver = true;
        await Promise.all(clients);
      },
    };
  }

  /** Every region holds every write that was accepted, once. */
  async check(stores: ReadonlyMap<string, RegionStore>): Promise<void> {
    for (const [name, store] of stores) {
      let likes = 0;
      for await (const { records } of store.scanRecords(0))
        for (const { collection, fields } of records)
          if (collection === COLLECTION) likes += Number(showFields(fields)["likes"] ?? 0);
      expect(likes, name).toBe(this.accepted);
    }
  }
}
