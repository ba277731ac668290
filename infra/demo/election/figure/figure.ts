/** The figure of a run, as one SVG file without anything outside it: events as bands behind three panels that share time. */
import type { EventKind, Recording, StoryEvent } from "../recording.ts";
import { wrapText } from "../wrap-text.ts";
import { FONT_SIZE, type Box } from "./frame.ts";
import { inRows, textWidth } from "./labels.ts";
import { authoritativePanel, bufferPanel, latencyPanel } from "./panels.ts";
import { timeScale, type Scale } from "./scale.ts";
import { styleSheet } from "./style.ts";
import { coordinate, element, escapeText, text } from "./svg.ts";

const WIDTH = 980;
const MARGIN = 20;
const LEFT = 78;
/** Beside the plots there is room for the labels of their series. */
const RIGHT = WIDTH - 186;
const TITLE_SIZE = 18;
const TITLE_LINE = 24;
const EVENT_LINE = 16;
const PANEL_HEIGHTS = [160, 110, 110] as const;
const CAPTION_HEIGHT = 34;
const AXIS_HEIGHT = 52;

const EVENT_NAMES: Readonly<Record<EventKind, (event: StoryEvent) => string>> = {
  killed: ({ leader }) => `leader ${leader}: server killed`,
  flapped: ({ faultsAtSeconds: { length } }) => `leader moved ${length === 1 ? "once" : `${length} times`}`,
  "cut-off": ({ leader }) => `leader ${leader}: region cut off`,
};

export interface Words {
  /** The finding of the run. */
  readonly title: string;
  /** How it was run. */
  readonly subtitle: string;
}

export function drawFigure(recording: Recording, { title, subtitle }: Words): string {
  const titleLines = wrapText(title, (line) => textWidth(line, TITLE_SIZE) <= WIDTH - 2 * MARGIN);
  const subtitleY = MARGIN + titleLines.length * TITLE_LINE + FONT_SIZE;
  const time = timeScale(recording.seconds, { from: LEFT, to: RIGHT });
  const events = recording.events.map((event) => ({
    text: EVENT_NAMES[event.kind](event),
    x: time.place(event.fromSeconds),
  }));
  const labels = inRows(events, { right: WIDTH - MARGIN, fontSize: FONT_SIZE });
  const rows = Math.max(0, ...labels.map(({ row }) => row + 1));
  const panels = [latencyPanel(recording), authoritativePanel(recording), bufferPanel(recording)];
  const boxes = boxesFrom(subtitleY, rows * EVENT_LINE);
  const [{ top: firstTop }, { bottom }] = [boxes[0]!, boxes.at(-1)!];
  const height = bottom + AXIS_HEIGHT;
  return svgFile({ height, title, subtitle }, [
    element("rect", { class: "paper", width: WIDTH, height }),
    ...titleLines.map((words, index) => text(titleAttributes(MARGIN + (index + 1) * TITLE_LINE - 6), words)),
    text({ class: "quiet", x: MARGIN, y: subtitleY, "font-size": FONT_SIZE }, subtitle),
    ...labels.map(({ text: name, x, row }) =>
      text({ class: "fault", x, y: firstTop - 6 - row * EVENT_LINE, "font-size": FONT_SIZE }, name),
    ),
    ...panels.map((panel, index) => {
      const box = boxes[index]!;
      const y = box.top - 9 - (index === 0 ? rows * EVENT_LINE : 0);
      return element(
        "g",
        { id: panel.id },
        text({ class: "ink", x: LEFT, y, "font-size": FONT_SIZE }, panel.caption),
        ...recording.events.map((event) => band(event, box, time)),
        panel.draw(box, time),
      );
    }),
    timeAxis(bottom, time),
  ]);
}

function titleAttributes(y: number) {
  return { class: "ink", x: MARGIN, y, "font-size": TITLE_SIZE, "font-weight": 600 };
}

/** Names of events stand between the first panel and its caption. */
function boxesFrom(top: number, eventsHeight: number): Box[] {
  let bottom = top;
  return PANEL_HEIGHTS.map((height, index) => {
    const namesHeight = index === 0 ? eventsHeight : 0;
    const box = { left: LEFT, right: RIGHT, top: bottom + CAPTION_HEIGHT + namesHeight };
    bottom = box.top + height;
    return { ...box, bottom };
  });
}

/** The time of an event, and within it each moment at which the log lost its leader. */
function band(event: StoryEvent, box: Box, time: Scale): string {
  const [from, to] = [time.place(event.fromSeconds), time.place(event.toSeconds)];
  const area = { class: "band", x: from, y: box.top, width: Math.max(1, to - from) };
  const faults = event.faultsAtSeconds.map((atSeconds) =>
    element("path", {
      class: "line fault",
      "stroke-dasharray": "2 3",
      d: `M${coordinate(time.place(atSeconds))} ${box.top}V${box.bottom}`,
    }),
  );
  return element("rect", { ...area, height: box.bottom - box.top }) + faults.join("");
}

function timeAxis(bottom: number, time: Scale): string {
  const ticks = time.ticks.map((tick) => {
    const x = time.place(tick);
    return (
      element("path", { class: "line quiet", d: `M${coordinate(x)} ${bottom}v5` }) +
      text(
        { class: "quiet", x, y: bottom + 19, "text-anchor": "middle", "font-size": FONT_SIZE },
        `${tick} s`,
      )
    );
  });
  const legend =
    "time since the load began; bands are events, dashed lines the moments at which the log lost its leader";
  const line = element("path", { class: "line quiet", d: `M${LEFT} ${bottom + 0.5}H${RIGHT}` });
  const note = text({ class: "quiet", x: LEFT, y: bottom + 40, "font-size": FONT_SIZE }, legend);
  return line + ticks.join("") + note;
}

function svgFile(
  { height, title, subtitle }: Words & { height: number },
  content: readonly string[],
): string {
  const file = element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: "img",
    },
    element("title", {}, escapeText(title)),
    element("desc", {}, escapeText(subtitle)),
    element("style", {}, styleSheet()),
    ...content,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${file}\n`;
}
