/**
 * The rules of `terraform fmt` that matter most, for machines without Terraform: two spaces a level, equals signs in one column,
 * nothing at the end of lines.
 */

/** What is wrong, by line. */
export function findFormatProblems(text: string): readonly string[] {
  const lines = withoutHeredocs(text.split("\n"));
  return [
    ...(text.endsWith("\n") && !text.endsWith("\n\n") ? [] : ["the file does not end with one line end"]),
    ...lines.flatMap((line, index) => (/\s$|\t/.test(line) ? [`${index + 1}: white space`] : [])),
    ...indents(lines),
    ...alignments(lines),
  ];
}

/** Lines of texts that stand in the file as they are count as empty. */
function withoutHeredocs(lines: readonly string[]): readonly string[] {
  let end: string | undefined;
  return lines.map((line) => {
    if (end !== undefined) {
      if (line.trim() === end) end = undefined;
      return "";
    }
    end = /<<-?(\w+)$/.exec(line)?.[1];
    return line;
  });
}

function indents(lines: readonly string[]): readonly string[] {
  let depth = 0;
  return lines.flatMap((line, index) => {
    const code = withoutTexts(line);
    if (code.trim() === "") return [];
    const { opened, closed, leading } = bracketsOf(code);
    const expected = 2 * Math.max(0, depth - (leading > 0 ? 1 : 0));
    depth += Math.sign(opened - closed);
    const actual = line.length - line.trimStart().length;
    return actual === expected ? [] : [`${index + 1}: is indented by ${actual}, not by ${expected}`];
  });
}

/** Brackets that a line leaves open, and those that it closes of lines before. */
function bracketsOf(code: string): {
  readonly opened: number;
  readonly closed: number;
  readonly leading: number;
} {
  let opened = 0;
  let closed = 0;
  for (const character of code) {
    if ("([{".includes(character)) opened += 1;
    else if (")]}".includes(character)) {
      if (opened > 0) opened -= 1;
      else closed += 1;
    }
  }
  return { opened, closed, leading: /^\s*[)\]}]/.test(code) ? 1 : 0 };
}

/** Without comments, and without what stands in quotes: brackets in there are none. */
function withoutTexts(line: string): string {
  return line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replace(/(#|\/\/).*$/, "");
}

const ARGUMENT = /^(\s*(?:[\w.-]+|"[^"]*"))( +)= (.*)$/;

/** Neighbouring arguments of one line each have their equals signs in one column. A comment begins a new group. */
function alignments(lines: readonly string[]): readonly string[] {
  const problems: string[] = [];
  let group: { readonly line: number; readonly name: number; readonly column: number }[] = [];
  const close = () => {
    const wanted = Math.max(...group.map(({ name }) => name)) + 1;
    for (const { line, column } of group)
      if (column !== wanted) problems.push(`${line}: = is at ${column}, not at ${wanted}`);
    group = [];
  };
  for (const [index, line] of lines.entries()) {
    const match = ARGUMENT.exec(line);
    const { opened, closed } = bracketsOf(withoutTexts(line));
    const isOne = match !== null && opened === 0 && closed === 0;
    if (isOne)
      group.push({ line: index + 1, name: match[1]!.length, column: match[1]!.length + match[2]!.length });
    else close();
  }
  close();
  return problems;
}
