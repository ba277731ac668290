/** An answer that goes on, over a response that the test plays: when it begins, and what it says in silence. */
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FeedStream } from "../../../services/gateway/http/feed-stream.ts";

const BEAT_MS = 15_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start(destroyed = false) {
  const written: string[] = [];
  const response = {
    destroyed,
    writableLength: 0,
    on: () => undefined,
    writeHead: (status: number) => void written.push(String(status)),
    write: (text: string) => void written.push(text),
    end: () => undefined,
  };
  const stream = new FeedStream({
    response: response as unknown as ServerResponse,
    format: "lines",
    headers: () => ({}),
    onSent: () => undefined,
  });
  return { stream, written };
}

describe("an answer that goes on", () => {
  it("does not begin while it may still be refused", () => {
    const { stream, written } = start();
    vi.advanceTimersByTime(3 * BEAT_MS);
    expect(written).toEqual([]);
    stream.end();
  });

  it("begins with how far it is where it can be told, and nothing is", () => {
    const { stream, written } = start();
    let reached = 0;
    stream.onQuiet = () => stream.send({ text: `at ${(reached += 1)}` });
    stream.answerable();
    expect(written).toEqual([]);
    vi.advanceTimersByTime(2 * BEAT_MS);
    expect(written).toEqual(["200", "at 1\n", "at 2\n"]);
    stream.onQuiet = () => undefined;
    vi.advanceTimersByTime(BEAT_MS);
    expect(written.at(-1)).toBe('{"type":"heartbeat"}\n');
    stream.end();
  });

  it("is over from the beginning where its client has left before", () => {
    const { stream, written } = start(true);
    expect(stream.closed.aborted).toBe(true);
    stream.send({ text: "a frame" });
    vi.advanceTimersByTime(3 * BEAT_MS);
    expect([written, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
