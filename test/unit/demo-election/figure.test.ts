/** The election demo's figure: whole, readable as XML, and never with text upon text. */
import { describe, expect, it } from "vitest";
import { drawFigure } from "../../../infra/demo/election/figure/figure.ts";
import { inRows, spread, textWidth } from "../../../infra/demo/election/figure/labels.ts";
import { linearScale, logScale, timeScale } from "../../../infra/demo/election/figure/scale.ts";
import { coordinate, element, escapeText, path } from "../../../infra/demo/election/figure/svg.ts";
import type { Recording } from "../../../infra/demo/election/recording.ts";
import { eventOf, EVENTS, figures, recordingOf } from "./recordings.ts";
import { readXml, type XmlElement } from "./xml.ts";

const WORDS = { title: "0 of 60,000 local writes failed & more", subtitle: "with 200/s < 1,000/s" };
const PANELS = ["local-latency", "authoritative", "buffer"];

const drawn = (recording: Recording, words = WORDS): XmlElement => readXml(drawFigure(recording, words));

function all(root: XmlElement, name: string): XmlElement[] {
  const found = root.children.flatMap((child) => all(child, name));
  return root.name === name ? [root, ...found] : found;
}

const number = (element: XmlElement, attribute: string): number => Number(element.attributes[attribute]);

/** Where a text is, roughly: as wide as the estimate says. */
function boxOf(text: XmlElement) {
  const size = number(text, "font-size");
  const width = textWidth(text.text, size);
  const anchor = text.attributes["text-anchor"] ?? "start";
  const left = number(text, "x") - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0);
  return {
    text: text.text,
    left,
    right: left + width,
    top: number(text, "y") - size * 0.8,
    bottom: number(text, "y"),
  };
}

function overlaps(root: XmlElement): string[] {
  const boxes = all(root, "text").map(boxOf);
  return boxes.flatMap((one, index) =>
    boxes
      .slice(index + 1)
      .filter(
        (other) =>
          one.left < other.right &&
          other.left < one.right &&
          one.top < other.bottom &&
          other.top < one.bottom,
      )
      .map((other) => `${one.text} / ${other.text}`),
  );
}

function expectSound(root: XmlElement): void {
  const [, , width, height] = root.attributes["viewBox"]!.split(" ").map(Number) as [
    number,
    number,
    number,
    number,
  ];
  expect(overlaps(root)).toEqual([]);
  for (const box of all(root, "text").map(boxOf)) {
    expect(box.left, box.text).toBeGreaterThanOrEqual(0);
    expect(box.right, box.text).toBeLessThanOrEqual(width);
    expect(box.bottom, box.text).toBeLessThanOrEqual(height);
  }
  for (const rect of all(root, "rect"))
    expect(number(rect, "width") >= 0 && number(rect, "height") >= 0).toBe(true);
}

describe("the figure", () => {
  const figure = drawn(recordingOf());
  const groups = all(figure, "g");

  it("is XML with every panel, titled by the finding", () => {
    expect(figure.name).toBe("svg");
    expect(groups.map((group) => group.attributes["id"])).toEqual(PANELS);
    expect(all(figure, "title")[0]!.text).toBe(WORDS.title);
    expect(all(figure, "text").map(({ text }) => text)).toEqual(
      expect.arrayContaining([WORDS.title, WORDS.subtitle]),
    );
    expectSound(figure);
  });

  it("has a band for every event and a line for every loss of the leader, in every panel, at their times", () => {
    for (const group of groups) {
      const bands = all(group, "rect").filter(({ attributes }) => attributes["class"] === "band");
      const lines = all(group, "path").filter(({ attributes }) => attributes["class"] === "line fault");
      expect(bands).toHaveLength(EVENTS.length);
      expect(lines).toHaveLength(6);
      const perSecond = EVENTS.map(({ fromSeconds, toSeconds }, index) =>
        Math.round((number(bands[index]!, "width") / (toSeconds - fromSeconds)) * 10),
      );
      expect(new Set(perSecond).size).toBe(1);
    }
    const names = all(figure, "text").map(({ text }) => text);
    expect(names).toEqual(expect.arrayContaining(["leader eu: server killed", "leader moved 4 times", "leader ap: region cut off"])); // prettier-ignore
  });

  it("draws a bar for every outcome of every second, as high as their number", () => {
    const bars = all(groups[1]!, "rect").filter(({ attributes }) => attributes["rx"] === undefined);
    const heights = (name: string) =>
      bars.filter(({ attributes }) => attributes["class"] === name).map((bar) => number(bar, "height"));
    expect(heights("succeeded")).toHaveLength(100 - 12);
    expect(heights("refused")).toHaveLength(12);
    const [refused, unknown, succeeded] = ["refused", "unknown", "succeeded"].map(
      (name) => heights(name)[0]!,
    );
    expect(refused! / unknown!).toBeCloseTo(9, 1);
    expect(refused! + unknown!).toBeCloseTo(succeeded!, 0);
  });

  it("has the colours of both surroundings", () => {
    const [style] = all(figure, "style");
    expect(style!.text).toContain("@media (prefers-color-scheme:dark)");
  });

  it("marks every second in which a local write failed, and says how many did", () => {
    const marks = (root: XmlElement) =>
      all(root, "rect").filter(
        ({ attributes }) => attributes["class"] === "failed" && attributes["rx"] === undefined,
      );
    expect(marks(figure)).toHaveLength(0);
    const failing = drawn(
      recordingOf({
        local: (region, second) => (region === "us" && second >= 90 ? figures({ refused: 200 }) : undefined),
      }),
    );
    expect(marks(failing)).toHaveLength(10);
    expect(all(failing, "text").map(({ text }) => text)).toContain("2,000 failed");
    expectSound(failing);
  });

  it("draws what is left of a run that is nearly empty", () => {
    const quiet = recordingOf({ seconds: 3, ratePerSecond: 0, events: [] });
    expectSound(drawn(quiet));
    const silent = { ...quiet, regions: quiet.regions.map((region) => ({ ...region, writes: { local: [], authoritative: [] }, buffer: [] })) }; // prettier-ignore
    expectSound(drawn({ ...silent, seconds: 0 }));
    expectSound(drawn({ seconds: 0, regions: [], events: [] }));
  });

  it("keeps texts apart when events crowd, and when regions end at the same value", () => {
    const crowd = Array.from({ length: 9 }, (_, index) =>
      eventOf({ kind: "cut-off", leader: "eu", fromSeconds: 1 + index / 2, toSeconds: 2 + index / 2 }),
    );
    expectSound(drawn(recordingOf({ seconds: 12, events: crowd })));
    const late = [eventOf({ kind: "killed", fromSeconds: 99, toSeconds: 100 })];
    expectSound(drawn(recordingOf({ events: late, local: () => figures({ succeeded: 1, worstMs: 5 }) })));
    expectSound(drawn(recordingOf(), { ...WORDS, title: `${WORDS.title} `.repeat(5).trim() }));
  });

  it("is checked by tests that can fail", () => {
    const upon = (y: number) => element("text", { x: 20, y, "font-size": 12 }, "text");
    expect(overlaps(readXml(element("svg", {}, upon(20), upon(25))))).toHaveLength(1);
    expect(overlaps(readXml(element("svg", {}, upon(20), upon(35))))).toHaveLength(0);
    expect(() => readXml("<svg><g></svg>")).toThrow("closes");
    expect(() => readXml("<svg>a & b</svg>")).toThrow("entity");
  });
});

describe("the parts of the figure", () => {
  it("text can't break the XML", () => {
    expect(escapeText('<a & "b">\u0000')).toBe("&lt;a &amp; &quot;b&quot;&gt;");
    expect(readXml(element("text", { id: '"<&' }, escapeText("<&>"))).text).toBe("<&>");
  });

  it("what is no number is never drawn", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => coordinate(value)).toThrow(RangeError);
      expect(() => element("rect", { x: value })).toThrow(RangeError);
    }
    expect(coordinate(1.26)).toBe("1.3");
  });

  it("a line is interrupted where a value is missing", () => {
    expect(path([[0, 1], [1, 2], undefined, [3, 4]])).toBe("M0 1L1 2M3 4");
  });

  it("scales begin and end at round values", () => {
    const up = { from: 100, to: 0 };
    expect(linearScale(30, up).ticks).toEqual([0, 10, 20, 30]);
    expect(linearScale(0, up).ticks).toEqual([0, 1]);
    expect(linearScale(1_234, up).ticks).toEqual([0, 500, 1_000, 1_500]);
    expect(linearScale(30, up).place(15)).toBe(50);
    expect(linearScale(30, up).place(90)).toBe(0);
    expect(logScale([1.5, 240], up).ticks).toEqual([1, 10, 100]);
    expect(logScale([2, 17], up).ticks).toEqual([1, 2, 5, 10, 20]);
    expect(logScale([0.4, 3], up).ticks[0]).toBe(0.1);
    expect(logScale([2, 100], up).place(10)).toBe(50);
    expect(logScale([], up).ticks).toEqual([10, 20, 50, 100]);
    expect(timeScale(105, { from: 0, to: 1 }).ticks).toEqual([0, 15, 30, 45, 60, 75, 90, 105]);
  });

  it("labels move apart and stay in order", () => {
    expect(spread([50, 50, 50], { from: 0, to: 60, distance: 10 })).toEqual([40, 50, 60]);
    expect(spread([10, 40], { from: 0, to: 60, distance: 10 })).toEqual([10, 40]);
    expect(spread([5, 5], { from: 0, to: 5, distance: 10 })).toEqual([0, 10]);
    const rows = inRows([{ text: "first", x: 0 }, { text: "second", x: 10 }, { text: "third", x: 90 }], { right: 200, fontSize: 12 }); // prettier-ignore
    expect(rows.map(({ row }) => row)).toEqual([0, 1, 0]);
  });
});
