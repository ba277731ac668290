/** Steps of loading a partition's state from a snapshot, as a region takes them. */
import { expect } from "vitest";
import { uuidOf } from "../../../services/core/operation-id.ts";
import {
  STATE_PARTS,
  type Bootstrap,
  type BootstrapSource,
  type StateHead,
  type StatePage,
  type StatePart,
} from "../../../services/ports/bootstraps.ts";
import type { RegionStore } from "../../../services/ports/region-store.ts";

export const [ONE, TWO] = [uuidOf("bootstrap", "one"), uuidOf("bootstrap", "two")];

/** A snapshot as somebody elsewhere keeps it. */
export interface Taken {
  readonly head: StateHead;
  readonly pages: readonly (readonly [StatePart, StatePage])[];
}

export async function take(store: RegionStore, bytesMax = 2_000): Promise<Taken> {
  const snapshot = await store.openSnapshot({ partition: 0 });
  try {
    const pages: [StatePart, StatePage][] = [];
    for (const part of STATE_PARTS) {
      for (let after: string | undefined, isMore = true; isMore;) {
        const page = await snapshot.readPage({ part, after, bytesMax });
        pages.push([part, page]);
        after = page.next;
        isMore = after !== undefined;
      }
    }
    return { head: await snapshot.readHead(), pages };
  } finally {
    await snapshot.close();
  }
}

export function sourceOf({ head }: Taken): BootstrapSource {
  return { name: "us", snapshot: TWO, position: head.state.position, counts: head.counts };
}

export function order(store: RegionStore, id = ONE): Promise<Bootstrap> {
  return store.orderBootstrap({ partition: 0, id, reason: "test" });
}

export async function beginLoading(store: RegionStore, taken: Taken): Promise<Bootstrap> {
  let bootstrap = await store.enterStage({ bootstrap: await order(store), stage: "announced" });
  bootstrap = await store.enterStage({ bootstrap, stage: "clearing", source: sourceOf(taken) });
  for (let isMore = true; isMore;) ({ isMore } = await store.clearSome(bootstrap));
  return store.enterStage({ bootstrap, stage: "loading" });
}

export async function loadAll(store: RegionStore, bootstrap: Bootstrap, taken: Taken): Promise<void> {
  let after = bootstrap.progress!;
  for (const [part, page] of taken.pages) {
    expect(after.part).toBe(part);
    after = await store.loadPage({ bootstrap, page, after });
  }
  await store.finishLoad({ bootstrap, head: taken.head });
}
