/** Where consumers land is up to chance: some are made until one is where it is wanted, and the others are deleted. */
import { describe, expect, it, vi } from "vitest";
import type { JetStreamApi } from "../../../../services/adapters/jetstream/api.ts";
import { createConsumer, type ConsumerOptions } from "../../../../services/adapters/jetstream/consumer.ts";
import type { Connection } from "../../../../services/adapters/nats/connection.ts";
import { LogUnavailableError } from "../../../../services/ports/global-log.ts";
import { silentLogger } from "../../../../services/runtime/logger.ts";

const LED_BY_US = { leader: "us", followers: ["eu", "ap"] };

type Landing = string | undefined | Error;

/** Consumers land, in order, on the servers named; all later ones on the last. */
function serverOf(
  landings: readonly Landing[],
  { leader, followers }: { leader: string; followers: readonly string[] } = LED_BY_US,
) {
  const made: string[] = [];
  const deleted: string[] = [];
  const manager = {
    consumers: {
      add: async (_stream: string, { name }: { name: string }) => {
        const landing = landings[Math.min(made.length, landings.length - 1)];
        made.push(name);
        if (landing instanceof Error) throw landing;
        return { cluster: landing === undefined ? undefined : { leader: landing } };
      },
      delete: async (_stream: string, name: string) => deleted.push(name),
    },
    streams: {
      info: async () => ({
        config: { num_replicas: 3 },
        cluster: { leader, replicas: followers.map((name) => ({ name })) },
      }),
    },
  };
  const api = { ask: (request: (asked: typeof manager) => unknown) => request(manager) };
  const create = (isElsewhere = false) =>
    createConsumer({
      connection: { serverName: "eu" } as Connection,
      api: api as unknown as JetStreamApi,
      partition: 0,
      from: 1,
      region: "eu",
      isElsewhere,
      logger: silentLogger,
    } satisfies ConsumerOptions);
  return { create, made, deleted };
}

async function expectAllOthersDeleted(made: readonly string[], deleted: readonly string[], kept: string) {
  await vi.waitFor(() => expect([...deleted, kept].toSorted()).toEqual(made.toSorted()));
}

describe("a consumer", () => {
  it.each([
    { where: "at home", landings: ["eu"], isElsewhere: false },
    { where: "on a server without a cluster", landings: [undefined], isElsewhere: false },
    { where: "elsewhere, as is wanted", landings: ["ap"], isElsewhere: true },
  ])("that lands $where at once is the only one", async ({ landings, isElsewhere }) => {
    const { create, made, deleted } = serverOf(landings);
    expect(await create(isElsewhere)).toEqual({ name: made[0], isMisplaced: false });
    expect(made).toHaveLength(1);
    expect(deleted).toEqual([]);
  });

  it("is made until one lands at home, and the others are deleted", async () => {
    const { create, made, deleted } = serverOf(["us", "ap", "us", "ap", "us", "eu", "ap"]);
    expect(await create()).toEqual({ name: made[5], isMisplaced: false });
    await expectAllOthersDeleted(made, deleted, made[5]!);
  });

  it("is made until one lands elsewhere", async () => {
    const { create, made, deleted } = serverOf(["eu", "eu", "ap", "eu"]);
    expect(await create(true)).toEqual({ name: made[2], isMisplaced: false });
    await expectAllOthersDeleted(made, deleted, made[2]!);
  });

  it("misses home by chance once in 10,000 at most, with three servers", async () => {
    const { create, made } = serverOf(["us"]);
    expect(await create()).toMatchObject({ isMisplaced: true });
    expect((2 / 3) ** made.length).toBeLessThan(1 / 10_000);
  });

  it("is said to be misplaced once all have missed, and only it is left", async () => {
    const { create, made, deleted } = serverOf(["us"]);
    const { name, isMisplaced } = await create();
    expect(isMisplaced).toBe(true);
    await expectAllOthersDeleted(made, deleted, name);
  });

  it("is where it belongs on any server, where the own one holds no copy of the log", async () => {
    const { create, made } = serverOf(["us"], { leader: "us", followers: ["ap", "sa"] });
    expect(await create()).toEqual({ name: made[0], isMisplaced: false });
    expect(made).toHaveLength(1);
  });

  it("is taken of those that could be made: the first, where no others can, and none where it can't", async () => {
    const refused = new Error("no");
    const some = serverOf(["us", refused, "eu", refused]);
    expect(await some.create()).toEqual({ name: some.made[2], isMisplaced: false });
    const one = serverOf(["us", refused]);
    expect(await one.create()).toEqual({ name: one.made[0], isMisplaced: true });
    expect(one.made).toHaveLength(4);
    await expect(serverOf([refused]).create()).rejects.toBeInstanceOf(LogUnavailableError);
  });

  it("of the own copy, which is in doubt, is not read from where no others can be made", async () => {
    const { create, made, deleted } = serverOf(["eu", new Error("no")]);
    await expect(create(true)).rejects.toBeInstanceOf(LogUnavailableError);
    await vi.waitFor(() => expect(deleted).toEqual([made[0]]));
  });

  it("is made at home while nobody leads who could tell where copies are", async () => {
    const { create, made } = serverOf(["us", "eu"], { leader: "", followers: [] });
    expect(await create()).toEqual({ name: made[1], isMisplaced: false });
  });
});
