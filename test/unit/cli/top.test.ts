/** `forebay top` and frames on a screen: findings first, then regions, then where operations wait. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { CommandError } from "../../../services/cli/errors.ts";
import { parseInterval, ViewSource } from "../../../services/cli/commands/top.ts";
import { repeatFrames, type Screen } from "../../../services/cli/screen.ts";
import { formatTop } from "../../../services/cli/top-text.ts";
import { partitionReport, regionReport, Reporting } from "../console/reports.ts";
import { cliBed } from "./bed.ts";

const bed = cliBed(() => undefined);

describe("top", () => {
  it("says that all is well, in few lines", () => {
    const cluster = new Reporting("eu");
    const text = formatTop(cluster.seconds(3));
    expect(text).toMatch(/all is well {2}\(as eu sees it\)/);
    expect(text).toContain("every region shows all that the others have taken");
    expect(text.split("\n").find((line) => line.startsWith("eu "))).toMatch(/^eu\s+yes\s+\*\s+0/);
    expect(text).not.toMatch(/undefined|NaN/);
  });

  it("calls lag unknown that nobody has told of", () => {
    const view = new Reporting("eu").second();
    expect(formatTop({ ...view, lags: [] })).toContain("what regions show of each other is unknown");
    expect(formatTop({ ...view, lags: [], members: ["eu"] })).toContain("every region shows all");
  });

  it("begins with what hurts, and says why and what to do; then the lag that waits, with its reason", () => {
    const cluster = new Reporting("us");
    cluster.seconds(3);
    const { wal } = partitionReport();
    const partition = {
      wal: { ...wal, head: 112, pending_rows: 12, oldest_age_ms: 4_000 },
      breaker: { state: "open", reason: "timed-out", open_ms: 4_000 },
    } as const;
    const lines = formatTop(cluster.seconds(5, { eu: { partition } })).split("\n");
    expect(lines[0]).toContain("USERS ARE HURT");
    expect(lines[1]).toMatch(/^!! eu refuses what the log of partition 0 has to decide/);
    expect(lines.find((line) => line.startsWith("eu → us"))).toMatch(
      /12 .*buffer +12 operations of eu are, .*held in eu's buffer/,
    );
  });

  it("tells writes per second between two views of the same process", () => {
    const at = (count: number, sequence: number, process?: string) => {
      const cluster = new Reporting("eu");
      const outcomes = [
        { class: "local", outcome: "accepted", count },
        { class: "read", outcome: "refused", count: count / 10 },
      ] as const;
      const sent = {
        sent_at: 1_800_000_000_000 + sequence * 2_000,
        ...(process !== undefined && { process }),
      };
      return cluster.second({ us: { report: { ...regionReport("us"), ...sent, outcomes: [...outcomes] } } });
    };
    const row = (text: string) =>
      text
        .split("\n")
        .find((line) => line.startsWith("us "))!
        .split(/\s+/);
    expect(row(formatTop(at(1_000, 2), at(400, 1)))).toEqual(expect.arrayContaining(["300", "30"]));
    expect(row(formatTop(at(1_000, 2)))).toContain("?");
    expect(row(formatTop(at(1_000, 2, "another"), at(400, 1)))).toContain("?");
  });

  it("asks whichever region answers, and says so where none does", async () => {
    const gone = { name: "gone", url: "http://127.0.0.1:1" };
    const source = new ViewSource([gone, { name: "eu", url: bed.url }]);
    expect((await source.read()).viewer.region).toBe("eu");
    await expect(new ViewSource([gone]).read()).rejects.toThrow(/no region answers/);
  });

  it("is a command that can be told to look once", async () => {
    expect(await bed.run("top", "--once")).toContain("all is well");
    await expect(bed.run("top", "--interval", "1")).rejects.toThrow(/interval/i);
    expect(parseInterval("500")).toBe(500);
  });

  it("passes a refusal on: another region would not know better", async () => {
    const server = createServer((_request, response) => response.writeHead(500).end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const source = new ViewSource([
      { name: "ill", url: `http://127.0.0.1:${port}` },
      { name: "eu", url: bed.url },
    ]);
    await expect(source.read()).rejects.toBeInstanceOf(CommandError);
    server.close();
  });
});

/** Frames until the last is shown. */
async function frames(screen: Omit<Screen, "write">, texts: readonly string[]): Promise<string> {
  let written = "";
  const stop = new AbortController();
  let shown = 0;
  const write = (text: string) => {
    written += text;
    if ((shown += 1) === texts.length) stop.abort();
  };
  await repeatFrames({
    screen: { ...screen, write },
    everyMs: 1,
    stop: stop.signal,
    frame: async () => texts[shown]!,
  });
  return written;
}

describe("frames", () => {
  it("follow each other as plain lines where there is no terminal", async () => {
    expect(await frames({ isTerminal: false, rows: 3, columns: 10 }, ["one\ntwo", "three"])).toBe(
      "one\ntwo\n\nthree\n",
    );
  });

  it("are rewritten in place on a terminal, cut to what it has room for", async () => {
    const written = await frames({ isTerminal: true, rows: 4, columns: 10 }, [
      "a\nb\nc\nd\ne",
      "a line that is long",
    ]);
    expect(written.startsWith("\u001b[2J\u001b[H")).toBe(true);
    expect(written).toContain("… 3 more");
    expect(written).toContain("a line th…");
    expect(written.split("\u001b[2J")).toHaveLength(2);
  });
});
