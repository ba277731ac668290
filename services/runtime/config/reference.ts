/** The reference of all options as Markdown, made of the schema: `services/runtime/config/README.md` is what this returns. */
import { isTakenFromFile, type Option } from "./option.ts";
import { OTHER_VARIABLES } from "./other-variables.ts";
import { RULES } from "./rules.ts";
import { CONFIG_FILE_VARIABLE, optionsOf, SUBJECT_TITLES, SUBJECTS } from "./schema.ts";

const OPENING = `# Configuration

Every option of a region process, as \`forebay config reference\` prints them. Each can be set by its variable, or by its
key in a YAML file that \`${CONFIG_FILE_VARIABLE}\` or \`--config FILE\` names; the environment wins over the file. A variable's name is its
key in capitals, with \`_\` for the dots, after \`FOREBAY_\`:

\`\`\`yaml
region: eu
topology: /etc/forebay/topology.yaml
http: { host: 0.0.0.0, port: 7101 }
postgres:
  url_file: /run/secrets/postgres-url
  ca_file: /etc/forebay/postgres-ca.pem
nats: { url: "tls://nats.eu.example:4222", ca_file: /etc/forebay/nats-ca.pem }
session: { secret_file: /run/secrets/session }
admin: { key_sha256_file: /run/secrets/admin-key-hash }
rate: { limit: 200, limits: { acme: 500 } }
cors: { origins: ["https://app.example"] }
\`\`\`

The image's environment sets host and port, so \`http\` in a file does nothing there.

Options marked † are secrets, or addresses that may have one in them. They can be given as a file that holds the value and nothing else, by
the variable with \`_FILE\` after it or the key with \`_file\`, and nothing that shows the configuration shows them.
What is empty counts as not set. Lists have commas between, or are lists in the file; digits may be grouped, as in \`5_000_000\`.

\`forebay config check\` tells everything that is wrong, names that nobody knows among it, and what would be right.
A process that starts only warns of unknown names: they may be of a newer version, from which it was just taken back.
\`forebay config show\` tells what holds and where it comes from; a process logs the same when it starts.
`;

export function configReference(): string {
  const subjects = SUBJECTS.map(
    (subject) => `## ${SUBJECT_TITLES[subject]}\n\n${tableOf(optionsOf(subject))}`,
  );
  return [OPENING, ...subjects, rulesText(), othersText()].join("\n");
}

const HEADINGS = ["variable, key in the file", "value", "default", "what it is for", "since"];

function tableOf(options: readonly Option<unknown>[]): string {
  return markdownTable(HEADINGS, options.map(cellsOf));
}

function cellsOf(option: Option<unknown>): readonly string[] {
  const { variable, key, kind, summary, since } = option;
  return [
    `\`${variable}\`${isTakenFromFile(option) ? " †" : ""} \`${key}\``,
    kind.expectation,
    defaultOf(option),
    summary,
    since,
  ];
}

function defaultOf({ isRequired, defaultText, neededWhere }: Option<unknown>): string {
  if (isRequired) return "**required**";
  if (neededWhere !== undefined) return `none; needed where ${neededWhere}`;
  return defaultText === undefined || defaultText === "" ? "none" : defaultText;
}

function rulesText(): string {
  return `## Rules between options\n\n${RULES.map(({ name, summary }) => `- ${name}: ${summary}`).join("\n")}\n`;
}

function othersText(): string {
  const rows = OTHER_VARIABLES.map(({ name, summary }) => [
    name
      .split(", ")
      .map((one) => `\`${one}\``)
      .join(", "),
    summary,
  ]);
  return `## Variables of other programs\n\n${markdownTable(["variable", "what it is for"], rows)}`;
}

/** Cells are filled up, as formatters do it. */
function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = headings.map((_, column) => Math.max(3, ...lines.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |\n`;
  const [first, ...others] = lines;
  return [line(first!), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("");
}
