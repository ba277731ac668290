/** Reads XML strictly, as far as a figure uses it: whatever is not well-formed is an error. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Its own, not that of its children. */
  readonly text: string;
}

const TAG = /^<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

interface Open {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
}

/** @throws {Error} that says what is wrong. */
export function readXml(document: string): XmlElement {
  let rest = document.replace(/^<\?xml [^?]*\?>/, "").trim();
  const stack: Open[] = [{ name: "document", attributes: {}, children: [], text: "" }];
  while (rest.length > 0) {
    const open = stack.at(-1)!;
    const text = /^[^<]*/.exec(rest)![0];
    open.text += decode(text);
    rest = rest.slice(text.length);
    if (rest === "") break;
    const match = TAG.exec(rest);
    if (match === null) throw new Error(`no tag: ${rest.slice(0, 60)}`);
    const [tag, closing, name, attributes, isEmpty] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    rest = rest.slice(tag.length);
    if (closing === "/") {
      if (open.name !== name) throw new Error(`${name} closes ${open.name}`);
      stack.pop();
    } else {
      const element: Open = { name, attributes: readAttributes(attributes), children: [], text: "" };
      open.children.push(element);
      if (isEmpty === "") stack.push(element);
    }
  }
  const [root] = stack;
  if (stack.length !== 1 || root!.children.length !== 1)
    throw new Error(`${stack.at(-1)!.name} is not closed`);
  return root!.children[0]!;
}

function readAttributes(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) {
    if (name in attributes) throw new Error(`${name} is there twice`);
    attributes[name] = decode(value);
  }
  return attributes;
}

function decode(text: string): string {
  return text.replaceAll(/&(\w*);?/g, (entity, name: string) => {
    const character = ENTITIES[name];
    if (character === undefined || !entity.endsWith(";")) throw new Error(`unknown entity ${entity}`);
    return character;
  });
}
