/** Trimming, for every global log: what goes, what stays, and what happens to those who read behind it. */
import { expect, it } from "vitest";
import { LogTruncatedError, OtherLogError, type GlobalLog } from "../../services/ports/global-log.ts";

export interface TrimmingContext {
  newPartition(): Promise<number>;
  here(): GlobalLog;
  there(): GlobalLog;
  publish(partition: number, text: string): Promise<number>;
  read(log: GlobalLog, options: { partition: number; from: number; count: number }): Promise<string[]>;
}

const TEXTS = ["a", "b", "c", "d", "e"];

export function trimming(context: TrimmingContext): void {
  const filled = async () => {
    const partition = await context.newPartition();
    for (const text of TEXTS) await context.publish(partition, text);
    const { createdAtMs } = await context.here().inspect(partition);
    return { partition, createdAtMs };
  };

  it("forgets what is before a position, and keeps the rest where it was", async () => {
    const { partition, createdAtMs } = await filled();
    expect(await context.there().trim({ partition, createdAtMs, below: 3 })).toEqual({ firstPosition: 3 });
    for (const log of [context.here(), context.there()]) {
      expect(await log.inspect(partition)).toMatchObject({ firstPosition: 3, lastPosition: 5 });
    }
    expect(await context.read(context.here(), { partition, from: 3, count: 3 })).toEqual(["c", "d", "e"]);
    expect(await context.publish(partition, "f")).toBe(6);
  });

  it("refuses to be read from before its beginning", async () => {
    const { partition, createdAtMs } = await filled();
    await context.here().trim({ partition, createdAtMs, below: 4 });
    for (const from of [1, 3]) {
      await expect(context.here().subscribe({ partition, from })).rejects.toBeInstanceOf(LogTruncatedError);
    }
    expect(await context.read(context.here(), { partition, from: 4, count: 2 })).toEqual(["d", "e"]);
  });

  it("is trimmed once, however often and from wherever it is asked, and never less than it was", async () => {
    const { partition, createdAtMs } = await filled();
    const asked = [3, 3, 2, 1].map((below, index) =>
      (index % 2 === 0 ? context.here() : context.there()).trim({ partition, createdAtMs, below }),
    );
    for (const { firstPosition } of await Promise.all(asked)) expect(firstPosition).toBeLessThanOrEqual(3);
    expect(await context.here().trim({ partition, createdAtMs, below: 2 })).toEqual({ firstPosition: 3 });
    expect(await context.there().inspect(partition)).toMatchObject({ firstPosition: 3, lastPosition: 5 });
  });

  it("keeps its last entry, and its end, whatever it is asked to forget", async () => {
    const { partition, createdAtMs } = await filled();
    expect(await context.here().trim({ partition, createdAtMs, below: 1_000 })).toEqual({ firstPosition: 5 });
    expect(await context.here().inspect(partition)).toMatchObject({ firstPosition: 5, lastPosition: 5 });
    expect(await context.publish(partition, "f")).toBe(6);
    expect(await context.read(context.there(), { partition, from: 5, count: 2 })).toEqual(["e", "f"]);
  });

  it("has nothing to forget while it is empty", async () => {
    const partition = await context.newPartition();
    const { createdAtMs } = await context.here().inspect(partition);
    await context.here().trim({ partition, createdAtMs, below: 7 });
    expect(await context.publish(partition, "a")).toBe(1);
    expect(await context.read(context.there(), { partition, from: 1, count: 1 })).toEqual(["a"]);
  });

  it("leaves another log alone that has its name", async () => {
    const { partition, createdAtMs } = await filled();
    const trimming = context.here().trim({ partition, createdAtMs: createdAtMs - 1, below: 3 });
    await expect(trimming).rejects.toBeInstanceOf(OtherLogError);
    expect(await context.there().inspect(partition)).toMatchObject({ firstPosition: 1, lastPosition: 5 });
  });

  it("refuses what is no position, and forgets nothing", async () => {
    const { partition, createdAtMs } = await filled();
    for (const below of [0, -1, 2.5, Number.NaN, Infinity]) {
      await expect(context.here().trim({ partition, createdAtMs, below })).rejects.toThrow(
        /trimmed below a position/,
      );
    }
    expect(await context.there().inspect(partition)).toMatchObject({ firstPosition: 1, lastPosition: 5 });
  });
}
