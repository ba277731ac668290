/** The election demo's live table: what it shows, that it keeps its shape, and how it gets to a terminal or a file. */
import { describe, expect, it } from "vitest";
import {
  colourPaint,
  renderFrame,
  renderPlainLine,
  WIDTH_MAX,
  type ClassCells,
  type Frame,
  type RegionRow,
} from "../../../infra/demo/election/live-table.ts";
import { Screen, type ScreenOutput } from "../../../infra/demo/election/screen.ts";

const cells = (given: Partial<ClassCells> = {}): ClassCells => ({
  succeeded: 200,
  p50Ms: 2.14,
  p99Ms: 6.3,
  worstMs: 10.24,
  due: 9_000,
  refused: 0,
  unknown: 0,
  ...given,
});

const row = (given: Partial<RegionRow> = {}): RegionRow => ({
  region: "eu",
  isLeader: false,
  bufferRows: 12,
  bufferAgeMs: 90,
  breaker: "closed",
  writes: { local: cells(), authoritative: cells({ succeeded: 10, refused: 54, unknown: 3 }) },
  ...given,
});

const frame = (given: Partial<Frame> = {}): Frame => ({
  elapsedSeconds: 45.4,
  totalSeconds: 111,
  now: "us was cut off",
  rows: [row({ isLeader: true }), row({ region: "us" }), row({ region: "ap" })],
  timeline: [{ atSeconds: 45, text: "us was cut off" }],
  ...given,
});

const ESCAPE = "\u001b";
const COLOUR = new RegExp(`${ESCAPE}\\[[\\d;]*m`, "g");
/** A control sequence, the end of a line, or text. */
const PIECE = new RegExp(`${ESCAPE}\\[\\??(\\d*)([A-Za-z])|\\n|[^${ESCAPE}\\n]+`, "g");

const withoutColours = (line: string) => line.replaceAll(COLOUR, "");

describe("the live table", () => {
  it("has a row per region and class, and marks the leader", () => {
    expect(renderFrame(frame()).slice(0, 5)).toEqual([
      " 45 s of about 111 s  us was cut off",
      "region        class           ok/s p50 ms p99 ms   worst refused unknown   buffer     age breaker",
      "eu leads      local            200    2.1    6.3    10.2       0       0       12   90 ms closed",
      "              authoritative     10    2.1    6.3    10.2      54       3",
      "us            local            200    2.1    6.3    10.2       0       0       12   90 ms closed",
    ]);
  });

  it("adds up what failed locally", () => {
    expect(renderFrame(frame())).toContain("local writes failed so far: 0 of 27,000");
    const failing = row({ writes: { local: cells({ refused: 5, unknown: 2 }), authoritative: cells() } });
    expect(renderFrame(frame({ rows: [failing] }))).toContain("local writes failed so far: 7 of 9,000");
  });

  it("says that it does not know rather than nothing or zero", () => {
    const silent = cells({ succeeded: 0, p50Ms: undefined, p99Ms: undefined, worstMs: undefined });
    const unknown = row({
      bufferRows: undefined,
      bufferAgeMs: undefined,
      breaker: undefined,
      writes: { local: silent, authoritative: silent },
    });
    expect(renderFrame(frame({ rows: [unknown] }))[2]).toMatch(/^eu +local +0 +- +- +- +0 +0 +\? +\?$/);
  });

  it("keeps its height and its columns, whatever the figures are, within 100 columns", () => {
    const huge = cells({ succeeded: 99_999, p50Ms: 31_000, p99Ms: 31_000.5, worstMs: 123_456, refused: 9_999_999, unknown: 9_999_999 }); // prettier-ignore
    const wide = row({
      region: "ap-southeast-1-and-more",
      isLeader: true,
      bufferRows: 123_456_789,
      bufferAgeMs: 86_400_000 * 400,
      breaker: "half-open",
      writes: { local: huge, authoritative: huge },
    });
    const text = "x".repeat(300);
    const lines = renderFrame(
      frame({ now: text, rows: [wide, wide, wide], timeline: [{ atSeconds: 1, text }] }),
    );
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(WIDTH_MAX);
    expect(lines).toHaveLength(renderFrame(frame()).length);
    expect(lines[2]).toContain("half-open");
    expect(renderPlainLine(frame({ rows: [wide, wide, wide, wide] })).length).toBeLessThanOrEqual(WIDTH_MAX);
  });

  it("colours change no width", () => {
    const coloured = renderFrame(frame(), colourPaint);
    expect(coloured.map(withoutColours).map((line) => line.trimEnd())).toEqual(renderFrame(frame()));
    expect(coloured.join("")).not.toBe(renderFrame(frame()).join(""));
  });

  it("fits into one line for a file", () => {
    expect(renderPlainLine(frame())).toBe(
      " 45 s | local 600/s, worst 10 ms, failed 0 of 27000 | log 30/s, leader eu | buffers 12/12/12",
    );
  });
});

/** Keeps what is written, and what a terminal would show of it. */
function outputOf(given: Partial<ScreenOutput> = {}) {
  const written: string[] = [];
  const output = {
    isTTY: true,
    columns: 120,
    rows: 40,
    write: (text: string) => written.push(text),
    ...given,
  };
  return { output, written, shown: () => show(written.join("")) };
}

/** A terminal as far as the screen uses it. @throws {Error} for a control sequence that it does not know. */
function show(text: string): string[] {
  const lines: string[] = [""];
  let at = 0;
  let column = 0;
  for (const [piece, count = "", command] of text.matchAll(PIECE)) {
    if (command === "A") [at, column] = [at - Number(count), 0];
    else if (piece === "\n") {
      [at, column] = [at + 1, 0];
      lines[at] ??= "";
    } else if (command === "K") lines[at] = lines[at]!.slice(0, column);
    else if (command === "J") lines.splice(at, Infinity, lines[at]!.slice(0, column));
    else if (command === undefined) {
      lines[at] = lines[at]!.slice(0, column) + piece + lines[at]!.slice(column + piece.length);
      column += piece.length;
    } else if (count !== "25") throw new Error(`unknown sequence ${JSON.stringify(piece)}`);
  }
  return lines.slice(0, -1);
}

describe("the screen", () => {
  it("redraws in place, and prints above what is drawn, each in one write", () => {
    const { output, written, shown } = outputOf();
    const screen = new Screen(output, { noColour: false });
    screen.say("hello");
    screen.draw(["one", "two and more", "three"]);
    screen.draw(["1", "2", "3"]);
    expect(shown()).toEqual(["hello", "1", "2", "3"]);
    screen.say(`${"word ".repeat(25)}end`);
    screen.draw(["i", "ii"]);
    expect(shown()).toEqual(["hello", "word ".repeat(20).trim(), `${"word ".repeat(5)}end`, "i", "ii"]);
    expect(written).toHaveLength(5);
    screen.release();
    screen.print(["after"]);
    expect(shown().slice(-3)).toEqual(["i", "ii", "after"]);
    const [hidden, shownAgain] = ["l", "h"].map((end) => written.join("").indexOf(`${ESCAPE}[?25${end}`));
    expect(hidden).toBeGreaterThan(-1);
    expect(shownAgain).toBeGreaterThan(hidden!);
  });

  it("is live only where there is room", () => {
    for (const given of [{ isTTY: false }, { columns: 80 }, { rows: 10 }])
      expect(new Screen(outputOf(given).output, { noColour: false }).isLive).toBe(false);
    expect(new Screen(outputOf().output, { noColour: false }).isLive).toBe(true);
  });

  it("has no colours where they are not wanted, and writes no control sequence to a file", () => {
    expect(new Screen(outputOf().output, { noColour: true }).paint("x", "bad")).toBe("x");
    expect(new Screen(outputOf().output, { noColour: false }).paint("x", "bad")).toContain("\u001b");
    const { output, written } = outputOf({ isTTY: false });
    const screen = new Screen(output, { noColour: false });
    screen.say("hello");
    screen.print([screen.paint("x", "bad")]);
    screen.release();
    expect(written.join("")).toBe("hello\nx\n");
  });
});
