/** Reads a Debian-like machine's own package sources and derives newer suites of the same archive from them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isErrorWithCode, readTextIfPresent } from "../files.ts";

/** One archive as the machine's own sources name it. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The keyring path or the key itself, in the form of a Signed-By field. */
  readonly signedBy?: string;
}

/** A suite to ask for a package, with the text of a sources file that names it. */
export interface SuiteCandidate {
  readonly suite: string;
  readonly sourcesText: string;
}

interface Family {
  /** Suites whose presence in a source shows that it is the family's main archive. */
  readonly known: readonly string[];
  /** Suites to ask, in this order: testing first, since it is new and has settled. */
  readonly newer: readonly string[];
  readonly component: string;
}

const FAMILIES: readonly Family[] = [
  {
    known: ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"],
    newer: ["forky", "sid", "trixie-backports", "trixie"],
    component: "main",
  },
  {
    known: ["focal", "jammy", "noble", "plucky", "questing", "resolute", "devel"],
    newer: ["devel", "resolute", "questing"],
    component: "universe",
  },
];

/** The sources of this machine: `sources.list` and everything in `sources.list.d`; empty where there is no apt. */
export function readAptSources(folder: string): readonly AptSource[] {
  const listTexts = [readTextIfPresent(join(folder, "sources.list")) ?? ""];
  const stanzaTexts: string[] = [];
  for (const name of namesIn(join(folder, "sources.list.d"))) {
    const text = readTextIfPresent(join(folder, "sources.list.d", name)) ?? "";
    if (name.endsWith(".list")) {
      listTexts.push(text);
    } else if (name.endsWith(".sources")) {
      stanzaTexts.push(text);
    }
  }
  return [...stanzaTexts.flatMap(parseStanzas), ...listTexts.flatMap(parseOneLineSources)];
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isErrorWithCode(error, "ENOENT", "EACCES", "ENOTDIR")) {
      return [];
    }
    throw error;
  }
}

/** Parses the deb822 form: stanzas of `Field: value` lines, continuation lines indented. */
export function parseStanzas(text: string): readonly AptSource[] {
  return text
    .split(/\n[ \t]*\n/)
    .map(parseFields)
    .filter(
      (fields) => words(fields, "types").includes("deb") && fields.get("enabled")?.toLowerCase() !== "no",
    )
    .map((fields) =>
      withKey(
        {
          uris: words(fields, "uris"),
          suites: words(fields, "suites"),
          components: words(fields, "components"),
        },
        fields.get("signed-by"),
      ),
    );
}

function parseFields(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let field = "";
  for (const line of stanza.split("\n").filter((line) => !line.startsWith("#"))) {
    const match = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line);
    if (match !== null) {
      field = (match[1] ?? "").toLowerCase();
      fields.set(field, (match[2] ?? "").trimEnd());
    } else if (field !== "" && /^[ \t]/.test(line)) {
      fields.set(field, `${fields.get(field) ?? ""}\n${line.trimEnd()}`);
    }
  }
  return fields;
}

function words(fields: ReadonlyMap<string, string>, field: string): readonly string[] {
  return (fields.get(field) ?? "").split(/\s+/).filter((word) => word !== "");
}

/** Parses the one-line form: `deb [signed-by=…] uri suite component…`. */
export function parseOneLineSources(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
    if (match === null) {
      continue;
    }
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? "")?.[1];
    const components = (match[4] ?? "").split(/\s+/).filter((word) => word !== "");
    sources.push(withKey({ uris: [match[2] ?? ""], suites: [match[3] ?? ""], components }, signedBy));
  }
  return sources;
}

function withKey(source: AptSource, signedBy: string | undefined): AptSource {
  return signedBy === undefined || signedBy === "" ? source : { ...source, signedBy };
}

/** Newer suites at the same addresses and under the same keys as the machine's own, the best first. */
export function newerSuites(sources: readonly AptSource[]): readonly SuiteCandidate[] {
  const candidates = new Map<string, SuiteCandidate>();
  for (const family of FAMILIES) {
    for (const suite of family.newer) {
      for (const source of sources.filter((source) => isOfFamily(source, family))) {
        const sourcesText = sourcesFile(source, suite, family.component);
        candidates.set(sourcesText, { suite, sourcesText });
      }
    }
  }
  return [...candidates.values()];
}

/** The suites of the machine's main archive itself. */
export function ownSuites(sources: readonly AptSource[]): readonly SuiteCandidate[] {
  return FAMILIES.flatMap((family) =>
    sources
      .filter((source) => isOfFamily(source, family))
      .flatMap((source) =>
        source.suites
          .filter((suite) => family.known.includes(suite))
          .map((suite) => ({ suite, sourcesText: sourcesFile(source, suite, family.component) })),
      ),
  );
}

function isOfFamily(source: AptSource, family: Family): boolean {
  // Security and third-party archives don't carry the newer suites, so only exact names count.
  return source.suites.some((suite) => family.known.includes(suite));
}

function sourcesFile(source: AptSource, suite: string, component: string): string {
  const fields = [
    "Types: deb",
    `URIs: ${source.uris.join(" ")}`,
    `Suites: ${suite}`,
    `Components: ${component}`,
  ];
  if (source.signedBy !== undefined) {
    fields.push(`Signed-By: ${source.signedBy}`);
  }
  return `${fields.join("\n")}\n`;
}
