/** Text as HTML, and the little Markdown that descriptions have: code in backticks, lists, tables, paragraphs. */

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

export function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character]!);
}

export function inline(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

/** Blocks are separated by empty lines; lines of a list begin with "- ", of a table with "|". */
export function prose(text: string): string {
  const lines = text.split("\n");
  const blocks: string[] = [];
  for (let index = 0; index < lines.length;) {
    const kind = kindOf(lines[index]!);
    const end = lines.findIndex((line, at) => at > index && kindOf(line) !== kind);
    const block = lines.slice(index, end === -1 ? lines.length : end);
    if (kind !== "nothing") blocks.push(BLOCKS[kind](block));
    index += block.length;
  }
  return blocks.join("\n");
}

type Kind = "nothing" | "list" | "table" | "paragraph";

function kindOf(line: string): Kind {
  if (line.trim() === "") return "nothing";
  if (line.startsWith("- ")) return "list";
  return line.startsWith("|") ? "table" : "paragraph";
}

const BLOCKS: { readonly [Name in Exclude<Kind, "nothing">]: (lines: readonly string[]) => string } = {
  paragraph: (lines) => `<p>${inline(lines.join(" "))}</p>`,
  list: (lines) => `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join("")}</ul>`,
  table: ([head = "", , ...rows]) =>
    `<div class="wide"><table><thead>${row("th", head)}</thead><tbody>${rows.map((line) => row("td", line)).join("")}</tbody></table></div>`,
};

function row(cell: "th" | "td", line: string): string {
  const cells = line.replaceAll(/^\||\|$/g, "").split("|");
  return `<tr>${cells.map((text) => `<${cell}>${inline(text.trim())}</${cell}>`).join("")}</tr>`;
}
