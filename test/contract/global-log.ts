/** What every global log has to keep to: declared once, run against each implementation. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  LogTruncatedError,
  LogUnavailableError,
  SubscriptionLostError,
  WrongLastPositionError,
  type GlobalLog,
  type Leadership,
  type LogMessage,
  type LogSubscription,
} from "../../services/ports/global-log.ts";
import { rebuilding } from "./global-log-rebuild.ts";
import { trimming } from "./global-log-trim.ts";

/** A calm cluster: nothing fails in it, and time passes by itself. */
export interface GlobalLogBed {
  /** At least two. */
  readonly regions: readonly string[];
  /** The log as a region reaches it. */
  log(region: string): GlobalLog;
  /** Makes a partition with an empty log. */
  newPartition(): Promise<number>;
  /** Deletes a partition's log behind everybody's back. */
  remove(partition: number): Promise<void>;
  /** Lets time pass. */
  pause(durationMs: number): Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const SHORT_MS = 50;
const TRIES_MAX = 20;
const LIMITS = { messagesMax: 1_000, bytesMax: 1_000_000 };
const LARGE_BYTES = 512 * 1024;

export function globalLogContract(name: string, open: () => Promise<GlobalLogBed>): void {
  describe(`global log: ${name}`, () => {
    let bed: GlobalLogBed;
    let here: string;
    let there: string;

    beforeAll(async () => {
      bed = await open();
      [here, there] = [bed.regions[0]!, bed.regions[1]!];
    }, 60_000);
    afterAll(async () => {
      await bed.close();
    }, 30_000);

    const publish = async (
      partition: number,
      text: string,
      options: { region?: string; expectedLastPosition?: number } = {},
    ): Promise<number> => {
      const { region: origin = here, ...expectation } = options;
      const data = Buffer.from(text);
      const request = { partition, origin, data, timeoutMs: TIMEOUT_MS, ...expectation };
      for (let tries = 1; ; tries += 1) {
        try {
          return (await bed.log(origin).publish(request)).position;
        } catch (error) {
          // Certainly not stored: a log that was just made may take a moment until every region can reach its leader.
          if (!(error instanceof LogUnavailableError) || tries === TRIES_MAX) throw error;
          await bed.pause(SHORT_MS);
        }
      }
    };
    const publishAll = async (partition: number, texts: readonly string[]): Promise<void> => {
      for (const text of texts) await publish(partition, text);
    };

    const eventually = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
      for (let tries = 1; tries <= 10 * TRIES_MAX; tries += 1) {
        // A leader that is just being elected answers nobody.
        const found = await look().catch((error: unknown) => {
          if (!(error instanceof LogUnavailableError)) throw error;
        });
        if (found !== undefined) return found;
        await bed.pause(SHORT_MS);
      }
      throw new Error(`it never came so far: ${what}`);
    };
    const leadershipOf = (partition: number, region: string, leader?: string): Promise<Leadership> =>
      eventually(`a leader of partition ${partition}`, async () => {
        const told = await bed.log(region).leadership(partition);
        // A leader that has only just been elected may not tell yet since when, or of all others.
        const isWhole =
          told.leader !== undefined && told.leaderSinceMs !== undefined && !told.unknownReplicas;
        return isWhole && (leader ?? told.leader) === told.leader ? told : undefined;
      });
    const moveLeader = (partition: number, to: string, asking: string) =>
      bed.log(asking).moveLeader({ partition, to, timeoutMs: TIMEOUT_MS });

    it("starts empty, with an identity that does not change", async () => {
      const partition = await bed.newPartition();
      const before = await bed.log(here).inspect(partition);
      expect(before).toMatchObject({ firstPosition: 1, lastPosition: 0 });
      expect(before.createdAtMs).toBeGreaterThan(0);
      await publish(partition, "a");
      const after = await bed.log(there).inspect(partition);
      expect(after).toMatchObject({ createdAtMs: before.createdAtMs, firstPosition: 1, lastPosition: 1 });
    });

    it("names one of the regions as leader", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "a");
      expect(bed.regions).toContain((await bed.log(here).inspect(partition)).leader);
    });

    it("tells who leads, since when, and who else holds it", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "a");
      const told = await leadershipOf(partition, here);
      expect(bed.regions).toContain(told.leader);
      expect(told.leaderSinceMs).toBeGreaterThan(0);
      const others = bed.regions.filter((region) => region !== told.leader);
      expect(told.replicas.map(({ region }) => region).toSorted()).toEqual(others.toSorted());
      await eventually("all replicas are current", async () => {
        const { replicas } = await bed.log(there).leadership(partition);
        return replicas.every(({ isCurrent, isOnline }) => isCurrent && isOnline) ? true : undefined;
      });
    });

    it("moves its leader to the region that is asked for, whoever asks, and takes entries on", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "before");
      for (const [index, to] of bed.regions.entries()) {
        const before = await leadershipOf(partition, here);
        const from = bed.regions[(index + 1) % bed.regions.length]!;
        expect(await moveLeader(partition, to, from)).toEqual({ leader: to });
        const after = await leadershipOf(partition, there, to);
        if (before.leader !== to) expect(after.leaderSinceMs).not.toBe(before.leaderSinceMs);
        await publish(partition, `led by ${to}`);
      }
      const count = bed.regions.length + 1;
      const messages = await readFrom(bed.log(there), { partition, from: 1, count });
      expect(messages.map(textOf)).toEqual(["before", ...bed.regions.map((region) => `led by ${region}`)]);
    });

    it("lets who leads already go on leading", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "a");
      const before = await leadershipOf(partition, here);
      expect(await moveLeader(partition, before.leader!, there)).toEqual({ leader: before.leader });
      expect((await leadershipOf(partition, here)).leaderSinceMs).toBe(before.leaderSinceMs);
    });

    it("refuses a leader that it does not know, and keeps the one that it has", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "a");
      const before = await leadershipOf(partition, here);
      await expect(moveLeader(partition, "nowhere", there)).rejects.toBeInstanceOf(LogUnavailableError);
      const after = await leadershipOf(partition, here);
      expect(after).toMatchObject({ leader: before.leader, leaderSinceMs: before.leaderSinceMs });
    });

    it("hands out dense positions from 1 on", async () => {
      const partition = await bed.newPartition();
      expect(await publish(partition, "a")).toBe(1);
      expect(await publish(partition, "b", { region: there })).toBe(2);
      expect(await publish(partition, "c")).toBe(3);
    });

    it("gives each of many publishes at once its own position, without holes", async () => {
      const partition = await bed.newPartition();
      const publishes = Array.from({ length: 60 }, (_, index) =>
        publish(partition, `${index}`, { region: bed.regions[index % bed.regions.length]! }),
      );
      const positions = await Promise.all(publishes);
      expect(positions.toSorted((one, other) => one - other)).toEqual(publishes.map((_, index) => index + 1));
      const messages = await readFrom(bed.log(here), { partition, from: 1, count: 60 });
      expect(messages.map(textOf)).toEqual(
        messages.map((message) => `${positions.indexOf(message.position)}`),
      );
    });

    it("keeps the order of each publisher", async () => {
      const partition = await bed.newPartition();
      const publishers = bed.regions.map(async (region) => {
        for (let number = 0; number < 20; number += 1)
          await publish(partition, `${region} ${number}`, { region });
      });
      await Promise.all(publishers);
      const texts = (
        await readFrom(bed.log(there), { partition, from: 1, count: publishers.length * 20 })
      ).map(textOf);
      for (const region of bed.regions) {
        const own = texts.filter((text) => text.startsWith(`${region} `));
        expect(own).toEqual(own.map((_, number) => `${region} ${number}`));
      }
    });

    it("keeps partitions apart", async () => {
      const [one, other] = [await bed.newPartition(), await bed.newPartition()];
      await publish(one, "a");
      expect(await publish(other, "b")).toBe(1);
      expect((await readFrom(bed.log(here), { partition: other, from: 1, count: 1 })).map(textOf)).toEqual([
        "b",
      ]);
    });

    it("delivers from a position on, once and in order", async () => {
      const partition = await bed.newPartition();
      await publishAll(partition, ["a", "b", "c", "d"]);
      const subscription = await bed.log(here).subscribe({ partition, from: 3 });
      const messages = await receiveCount(subscription, 2);
      expect(messages.map(({ position }) => position)).toEqual([3, 4]);
      expect(messages.map(textOf)).toEqual(["c", "d"]);
      expect(await subscription.receive({ ...LIMITS, timeoutMs: SHORT_MS })).toEqual([]);
      await subscription.close();
    });

    it("delivers to a live subscription what is published later, from any region", async () => {
      const partition = await bed.newPartition();
      const subscription = await bed.log(there).subscribe({ partition, from: 1 });
      const waiting = subscription.receive({ ...LIMITS, timeoutMs: TIMEOUT_MS });
      await publish(partition, "a");
      expect((await waiting).map(textOf)).toEqual(["a"]);
      await publish(partition, "b", { region: there });
      expect((await receiveCount(subscription, 1)).map(textOf)).toEqual(["b"]);
      await subscription.close();
    });

    it("subscribes right behind the end", async () => {
      const partition = await bed.newPartition();
      await publishAll(partition, ["a", "b"]);
      const subscription = await bed.log(here).subscribe({ partition, from: 3 });
      await publish(partition, "c");
      const messages = await receiveCount(subscription, 1);
      expect(messages.map(({ position }) => position)).toEqual([3]);
      await subscription.close();
    });

    it("returns nothing when nothing comes within the time", async () => {
      const partition = await bed.newPartition();
      const subscription = await bed.log(here).subscribe({ partition, from: 1 });
      expect(await subscription.receive({ ...LIMITS, timeoutMs: SHORT_MS })).toEqual([]);
      expect(await subscription.receive({ ...LIMITS, timeoutMs: 0 })).toEqual([]);
      await subscription.close();
    });

    it("keeps to the limits of a receive, but returns at least one message", async () => {
      const partition = await bed.newPartition();
      await publishAll(partition, ["aaaa", "bbbb", "cccc", "dddd"]);
      const subscription = await bed.log(here).subscribe({ partition, from: 1 });
      const options = { ...LIMITS, timeoutMs: TIMEOUT_MS };
      expect((await subscription.receive({ ...options, bytesMax: 1 })).map(textOf)).toEqual(["aaaa"]);
      expect((await subscription.receive({ ...options, messagesMax: 1 })).map(textOf)).toEqual(["bbbb"]);
      expect((await receiveCount(subscription, 2)).map(textOf)).toEqual(["cccc", "dddd"]);
      await subscription.close();
    });

    it("shows every region the same bytes, positions and timestamps", async () => {
      const partition = await bed.newPartition();
      for (const region of bed.regions) {
        for (let number = 0; number < 10; number += 1)
          await publish(partition, `${region} ${number}`, { region });
      }
      const count = bed.regions.length * 10;
      const [first, ...others] = await Promise.all(
        bed.regions.map((region) => readFrom(bed.log(region), { partition, from: 1, count })),
      );
      expect(first!.every(({ storedAtMs }) => Number.isSafeInteger(storedAtMs) && storedAtMs > 0)).toBe(true);
      for (const other of others) expect(other.map(printed)).toEqual(first!.map(printed));
    });

    it("shows a second subscription from the middle the same messages again", async () => {
      const partition = await bed.newPartition();
      await publishAll(partition, ["a", "b", "c", "d", "e"]);
      const whole = await readFrom(bed.log(here), { partition, from: 1, count: 5 });
      const rest = await readFrom(bed.log(here), { partition, from: 3, count: 3 });
      expect(rest.map(printed)).toEqual(whole.slice(2).map(printed));
    });

    it("carries large messages unchanged", async () => {
      const partition = await bed.newPartition();
      const origin = here;
      const sent = Array.from({ length: 24 }, (_, index) => Buffer.alloc(LARGE_BYTES, `${index} large `));
      for (const data of sent)
        await bed.log(here).publish({ partition, origin, data, timeoutMs: TIMEOUT_MS });
      const messages = await readFrom(bed.log(there), { partition, from: 1, count: sent.length });
      expect(messages.every(({ data }, index) => sent[index]!.equals(data))).toBe(true);
    });

    it("publishes at an expected end, and nowhere else", async () => {
      const partition = await bed.newPartition();
      expect(await publish(partition, "genesis", { expectedLastPosition: 0 })).toBe(1);
      await expect(publish(partition, "late", { expectedLastPosition: 0 })).rejects.toBeInstanceOf(
        WrongLastPositionError,
      );
      await expect(publish(partition, "early", { expectedLastPosition: 9 })).rejects.toBeInstanceOf(
        WrongLastPositionError,
      );
      expect(await publish(partition, "next", { expectedLastPosition: 1 })).toBe(2);
      const messages = await readFrom(bed.log(here), { partition, from: 1, count: 2 });
      expect(messages.map(textOf)).toEqual(["genesis", "next"]);
    });

    it("lets one of several regions that publish at the same expected end win", async () => {
      const partition = await bed.newPartition();
      const outcomes = await Promise.allSettled(
        bed.regions.map((region) => publish(partition, region, { region, expectedLastPosition: 0 })),
      );
      const winners = bed.regions.filter((_, index) => outcomes[index]!.status === "fulfilled");
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(WrongLastPositionError);
      }
      expect((await bed.log(here).inspect(partition)).lastPosition).toBe(1);
      expect((await readFrom(bed.log(here), { partition, from: 1, count: 1 })).map(textOf)).toEqual(winners);
    });

    it("refuses to read from behind the next position", async () => {
      const partition = await bed.newPartition();
      await publish(partition, "a");
      await expect(bed.log(here).subscribe({ partition, from: 3 })).rejects.toBeInstanceOf(LogTruncatedError);
    });

    const changing = {
      newPartition: () => bed.newPartition(),
      remove: (partition: number) => bed.remove(partition),
      here: () => bed.log(here),
      there: () => bed.log(there),
      publish,
      read: async (log: GlobalLog, options: { partition: number; from: number; count: number }) =>
        (await readFrom(log, options)).map(textOf),
    };
    trimming(changing);
    rebuilding(changing);

    it("ends a receive that waits, and refuses others, once the subscription is closed", async () => {
      const partition = await bed.newPartition();
      const subscription = await bed.log(here).subscribe({ partition, from: 1 });
      const waiting = subscription.receive({ ...LIMITS, timeoutMs: 2 * TIMEOUT_MS });
      const ended = expect(waiting).rejects.toBeInstanceOf(SubscriptionLostError);
      await subscription.close();
      await ended;
      await expect(subscription.receive({ ...LIMITS, timeoutMs: SHORT_MS })).rejects.toBeInstanceOf(
        SubscriptionLostError,
      );
      await subscription.close();
    });
  });
}

/** Receives exactly so many messages; fails when they don't come. */
export async function receiveCount(subscription: LogSubscription, count: number): Promise<LogMessage[]> {
  const messages: LogMessage[] = [];
  while (messages.length < count) {
    const messagesMax = count - messages.length;
    const received = await subscription.receive({ ...LIMITS, messagesMax, timeoutMs: TIMEOUT_MS });
    if (received.length === 0) throw new Error(`only ${messages.length} of ${count} messages came`);
    messages.push(...received);
  }
  return messages;
}

async function readFrom(
  log: GlobalLog,
  { partition, from, count }: { partition: number; from: number; count: number },
): Promise<LogMessage[]> {
  const subscription = await log.subscribe({ partition, from });
  try {
    return await receiveCount(subscription, count);
  } finally {
    await subscription.close();
  }
}

function textOf(message: LogMessage): string {
  return Buffer.from(message.data).toString("utf8");
}

function printed(message: LogMessage): string {
  return `${message.position} ${message.storedAtMs} ${textOf(message)}`;
}
