/** Making a log anew, for every global log: positions go on, the first entry is the first, and no other log is touched. */
import { expect, it } from "vitest";
import {
  LogMissingError,
  LogTruncatedError,
  OtherLogError,
  type RebuildRequest,
} from "../../services/ports/global-log.ts";
import type { TrimmingContext } from "./global-log-trim.ts";

export interface RebuildingContext extends TrimmingContext {
  remove(partition: number): Promise<void>;
}

const FIRST = Buffer.from("first");
const OTHER = Buffer.from("another's");

function textOf(data: Uint8Array): string {
  return Buffer.from(data).toString("utf8");
}

export function rebuilding(context: RebuildingContext): void {
  const filled = async () => {
    const partition = await context.newPartition();
    for (const text of ["a", "b", "c"]) await context.publish(partition, text);
    const { createdAtMs } = await context.here().inspect(partition);
    const request = { partition, createdAtMs, after: 3, origin: "eu", first: FIRST };
    return { partition, createdAtMs, request: request satisfies RebuildRequest };
  };

  it("is made anew after a position, with the first entry first, and takes others from all regions then", async () => {
    const { partition, createdAtMs, request } = await filled();
    const made = await context.there().rebuild({ ...request, after: 2 });
    expect(made.createdAtMs).not.toBe(createdAtMs);
    expect(textOf(made.first)).toBe("first");
    for (const log of [context.here(), context.there()]) {
      expect(await log.inspect(partition)).toMatchObject({
        createdAtMs: made.createdAtMs,
        firstPosition: 3,
        lastPosition: 3,
      });
      await expect(log.subscribe({ partition, from: 2 })).rejects.toBeInstanceOf(LogTruncatedError);
    }
    expect(await context.publish(partition, "next")).toBe(4);
    for (const log of [context.here(), context.there()])
      expect(await context.read(log, { partition, from: 3, count: 2 })).toEqual(["first", "next"]);
  });

  it("is made anew once, however often and from wherever it is asked", async () => {
    const { partition, request } = await filled();
    const made = await context.here().rebuild(request);
    await context.publish(partition, "next");
    const again = await context.there().rebuild({ ...request, first: OTHER });
    expect({ ...again, first: textOf(again.first) }).toEqual({ ...made, first: "first" });
    expect(await context.read(context.here(), { partition, from: 4, count: 2 })).toEqual(["first", "next"]);
  });

  it("can be made anew by two at once, who agree on what came of it when they ask again", async () => {
    const { partition, request } = await filled();
    const both = [context.here().rebuild(request), context.there().rebuild({ ...request, first: OTHER })];
    await Promise.allSettled(both);
    const told = [await context.here().rebuild(request), await context.there().rebuild(request)];
    expect(textOf(told[0]!.first)).toBe(textOf(told[1]!.first));
    expect(await context.read(context.here(), { partition, from: 4, count: 1 })).toEqual([
      textOf(told[0]!.first),
    ]);
    expect(await context.here().inspect(partition)).toMatchObject({ firstPosition: 4, lastPosition: 4 });
  });

  it("is not gone on with where its first entry is not what is asked", async () => {
    const { request } = await filled();
    await context.here().rebuild(request);
    const asking = { ...request, first: OTHER };
    const refused = { ...asking, accepts: (first: Uint8Array) => textOf(first) === textOf(OTHER) };
    await expect(context.there().rebuild(refused)).rejects.toBeInstanceOf(OtherLogError);
    const accepted = { ...asking, accepts: (first: Uint8Array) => textOf(first) === textOf(FIRST) };
    expect(textOf((await context.there().rebuild(accepted)).first)).toBe("first");
  });

  it("is left alone when another log was meant", async () => {
    const { partition, createdAtMs, request } = await filled();
    for (const wrong of [createdAtMs - 1, undefined]) {
      await expect(context.here().rebuild({ ...request, createdAtMs: wrong })).rejects.toBeInstanceOf(
        OtherLogError,
      );
    }
    expect(await context.read(context.there(), { partition, from: 1, count: 3 })).toEqual(["a", "b", "c"]);
  });

  it("that was deleted is missed by name, and can be made anew", async () => {
    const { partition, createdAtMs, request } = await filled();
    await context.remove(partition);
    await expect(context.here().inspect(partition)).rejects.toBeInstanceOf(LogMissingError);
    const made = await context.here().rebuild({ ...request, createdAtMs: undefined, after: 3 });
    expect(made.createdAtMs).not.toBe(createdAtMs);
    expect(await context.publish(partition, "next")).toBe(5);
  });
}
