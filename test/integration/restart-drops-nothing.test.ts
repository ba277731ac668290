/**
 * Region processes are restarted one after the other while clients write: behind a balancer no request is dropped, not even of
 * clients that try each once; without one, clients of the SDK go elsewhere meanwhile.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { SocketConstructor } from "../../services/client/index.ts";
import { FEED_CLOSE_CODES } from "../../services/protocol/http/feed.ts";
import { Balancer } from "./cluster/balancer.ts";
import { converged, digests, eventually, startBed, withStores, type Bed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { clientAt, posts } from "./client/clients.ts";

/** As processes have it where they are told nothing else: balancers and clients on a busy machine need it. */
const NOTICE_MS = 5_000;
/** For what is asked of a process between its notice and its end: a slow machine takes its time for that. */
const LONG_NOTICE_MS = 10_000;
const CLIENTS = 8;

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("restarts", 1, { FOREBAY_STOP_NOTICE_MS: String(NOTICE_MS) });
  await createCollection(bed, posts.name, posts.schema);
}, 120_000);

afterAll(() => bed.stop());

/** Likes that were acknowledged, and what went wrong; each request is sent once. */
class PlainWriters {
  acknowledged = 0;
  readonly failures: string[] = [];
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor(url: string, key: string) {
    this.#running = Promise.all(Array.from({ length: CLIENTS }, () => this.#write(url, key)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #write(url: string, key: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const response = await fetch(`${url}/v1/collections/${posts.name}/records/${key}`, {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ inc: { likes: 1 } }),
        });
        const text = await response.text();
        if (response.status === 202) this.acknowledged += 1;
        else this.failures.push(`${response.status} ${text}`);
      } catch (error) {
        this.failures.push(`${String(error)} ${String((error as Error).cause)}`);
      }
    }
  }

  async untilAcknowledged(more: number): Promise<void> {
    const goal = this.acknowledged + more;
    await eventually(`${goal} likes are acknowledged`, () => (this.acknowledged >= goal ? true : undefined));
  }
}

/** A client that finds only one region at first; it notes the codes with which that one has ended its connections. */
class Guest {
  isAtHome = true;
  readonly codes: number[] = [];
  readonly platform = {
    fetch: (url: string, init: RequestInit) =>
      this.isAtHome && !url.startsWith(this.#home)
        ? Promise.reject(new TypeError("there is nobody"))
        : fetch(url, init),
  };
  readonly webSocket: SocketConstructor;
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
    const open = (url: string, protocols: string[]) => {
      const socket = new WebSocket(url, protocols);
      if (new URL(url).host === new URL(home).host) socket.on("close", (code) => this.codes.push(code));
      return socket;
    };
    this.webSocket = function Noting(url: string, protocols: string[]) {
      return open(url, protocols);
    } as unknown as SocketConstructor;
  }
}

async function everyRegionHas(key: string, likes: number): Promise<void> {
  await withStores(bed, async (stores) => {
    await converged(bed, stores);
    expect(new Set(await digests(stores, 0)).size).toBe(1);
  });
  for (const { url } of bed.cluster.regions) {
    const answer = await fetch(`${url}/v1/collections/${posts.name}/records/${key}`);
    expect(await answer.json()).toMatchObject({ fields: { likes } });
  }
}

describe("two processes of a region behind a balancer", () => {
  it("are restarted one after the other, and every request of clients that try once is answered", async () => {
    const second = await bed.cluster.addGateway("eu");
    const balancer = await Balancer.open([bed.cluster.region("eu").url, second.url]);
    const writers = new PlainWriters(balancer.url, "balanced");
    try {
      await writers.untilAcknowledged(500);
      const firstUrl = bed.cluster.region("eu").url;
      const restarts = [
        () => bed.cluster.restartRegion("eu"),
        async () => {
          await second.stop();
          await second.start();
        },
      ];
      for (const restart of restarts) {
        await restart();
        await eventually("the balancer sends to both", () =>
          balancer.readyUrls.length === 2 ? true : undefined,
        );
        const before = [firstUrl, second.url].map((url) => balancer.sentTo(url));
        await writers.untilAcknowledged(500);
        const after = [firstUrl, second.url].map((url) => balancer.sentTo(url));
        after.forEach((sent, index) => expect(sent).toBeGreaterThan(before[index]!));
      }
    } finally {
      await writers.stop();
      await balancer.close();
    }
    expect(writers.failures).toEqual([]);
    await everyRegionHas("balanced", writers.acknowledged);
    await second.stop();
  }, 240_000);
});

describe("the only process of a region", () => {
  it("is restarted in one region after the other, and no write of the SDK fails, is lost, or counts twice", async () => {
    const clients = bed.cluster.regions.map(({ name }) => clientAt(bed, name));
    const over = new AbortController();
    let acknowledged = 0;
    const write = async (client: (typeof clients)[number]) => {
      while (!over.signal.aborted) {
        await client.collection(posts).write("of-clients", { inc: { likes: 1 } });
        acknowledged += 1;
      }
    };
    const workers = clients.flatMap((client) => [write(client), write(client)]);
    const more = async () => {
      const goal = acknowledged + 100;
      await Promise.race([
        ...workers,
        eventually(`${goal} likes are acknowledged`, () => (acknowledged >= goal ? true : undefined)),
      ]);
    };
    try {
      await more();
      for (const { name } of bed.cluster.regions) {
        await bed.cluster.restartRegion(name);
        await more();
      }
    } finally {
      over.abort();
    }
    await Promise.all(workers);
    await everyRegionHas("of-clients", acknowledged);
  }, 300_000);

  it("takes its subscribers' leave with the code that has them go on elsewhere", async () => {
    const told = new Set<number>();
    const over = new AbortController();
    const guest = new Guest(bed.cluster.region("ap").url);
    const changes = clientAt(bed, "ap", guest)
      .collection(posts)
      .subscribe({ key: "followed", signal: over.signal });
    const following = (async () => {
      for await (const { records } of changes) {
        for (const { fields } of records) told.add(fields?.likes ?? 0);
      }
    })();
    const writer = clientAt(bed, "us").collection(posts);
    const isTold = (likes: number) =>
      eventually(`${likes} likes are told`, () => (told.has(likes) ? true : undefined));
    await writer.write("followed", { inc: { likes: 1 } });
    await isTold(1);
    guest.isAtHome = false;
    await bed.cluster.stopRegion("ap");
    await eventually("its leave is taken", () => (guest.codes.length > 0 ? true : undefined));
    expect(guest.codes[0]).toBe(FEED_CLOSE_CODES.goingAway);
    await writer.write("followed", { inc: { likes: 1 } });
    await isTold(2);
    await bed.cluster.startRegion("ap");
    over.abort();
    await following;
  }, 120_000);
});

describe("a process that is told to stop", () => {
  const readiness = (url: string) => fetch(`${url}/readyz`);

  async function patient(region: string) {
    const environment = { FOREBAY_STOP_NOTICE_MS: String(LONG_NOTICE_MS) };
    await bed.cluster.restartRegion(region, { environment });
    return bed.cluster.region(region);
  }

  it("says so at once, serves on until balancers have noticed, and ends with code 0", async () => {
    const { url, pid } = await patient("us");
    process.kill(pid!, "SIGTERM");
    await eventually("it is not ready", async () => {
      const answer = await readiness(url);
      if (answer.status !== 503) return undefined;
      expect(await answer.json()).toMatchObject({ ready: false, reasons: ["the process is stopping"] });
      return true;
    });
    const write = await fetch(`${url}/v1/collections/${posts.name}/records/last`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inc: { likes: 1 } }),
    });
    expect(write.status).toBe(202);
    expect(write.headers.get("connection")).toBe("close");
    expect(await bed.cluster.regionExit("us")).toEqual({ code: 0, signal: null });
    // It did not leave before the log had what it had taken: the others need not wait for its return.
    await eventually("another region has its last write", async () => {
      const answer = await fetch(`${bed.cluster.region("eu").url}/v1/collections/${posts.name}/records/last`);
      return answer.status === 200 ? true : undefined;
    });
    await bed.cluster.startRegion("us");
  }, 120_000);

  it("ends at once when it is told a second time", async () => {
    const { url, pid } = await patient("us");
    process.kill(pid!, "SIGTERM");
    await eventually("it is not ready", async () =>
      (await readiness(url)).status === 503 ? true : undefined,
    );
    process.kill(pid!, "SIGTERM");
    expect(await bed.cluster.regionExit("us")).toEqual({ code: 143, signal: null });
    await bed.cluster.startRegion("us");
  }, 120_000);
});
