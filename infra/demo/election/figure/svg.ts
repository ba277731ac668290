/** SVG as text: elements with checked attributes and escaped content. */

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** What XML can't hold is left out, the rest is escaped. */
export function escapeText(text: string): string {
  return text
    .replaceAll(/(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** @param content children that are SVG already; text goes through `escapeText` first. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const list = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? coordinate(value) : escapeText(value!)}"`)
    .join("");
  return content.length === 0 ? `<${name}${list}/>` : `<${name}${list}>${content.join("")}</${name}>`;
}

/** @throws {RangeError} for what has no place on paper. */
export function coordinate(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError(`a figure can't draw at ${value}`);
  return String(Math.round(value * 10) / 10);
}

export function text(attributes: Attributes, content: string): string {
  return element("text", attributes, escapeText(content));
}

/** A line through the points; where one is missing, it is interrupted. */
export function path(points: readonly (readonly [number, number] | undefined)[]): string {
  let isDrawing = false;
  return points
    .flatMap((point) => {
      if (point === undefined) {
        isDrawing = false;
        return [];
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      return [`${command}${coordinate(point[0])} ${coordinate(point[1])}`];
    })
    .join("");
}
