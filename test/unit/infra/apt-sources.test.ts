import { expect, test } from "vitest";
import {
  newerSuites,
  ownSuites,
  parseOneLineSources,
  parseStanzas,
} from "../../../infra/local/provision/apt-sources.ts";

const STANZAS = `# kept as the installer wrote it
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://third.example/node
Suites: nodistro
Components: main

Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Components: main
Enabled: no
`;

test("stanzas give addresses, suites, components and keys; disabled ones and comments are left out", () => {
  const sources = parseStanzas(STANZAS);
  expect(sources.map((source) => source.uris[0])).toEqual([
    "http://mirror.example/debian",
    "http://mirror.example/debian-security",
    "https://third.example/node",
  ]);
  expect(sources[0]).toEqual({
    uris: ["http://mirror.example/debian"],
    suites: ["bookworm", "bookworm-updates"],
    components: ["main", "contrib"],
    signedBy: "/usr/share/keyrings/archive.gpg",
  });
});

test("a key that stands in the stanza itself keeps its lines", () => {
  const [source] = parseStanzas(
    "Types: deb\nURIs: http://a.example\nSuites: sid\nSigned-By:\n -----BEGIN\n .\n abc\n",
  );
  expect(source?.signedBy).toBe("\n -----BEGIN\n .\n abc");
});

test("one-line sources are read with and without options; deb-src and comments are left out", () => {
  const sources = parseOneLineSources(
    "deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib # note\n" +
      "deb-src http://a.example/debian bookworm main\n# deb http://b.example x main\ndeb http://c.example/ubuntu noble main universe\n",
  );
  expect(sources).toEqual([
    {
      uris: ["http://a.example/debian"],
      suites: ["bookworm"],
      components: ["main", "contrib"],
      signedBy: "/k.gpg",
    },
    { uris: ["http://c.example/ubuntu"], suites: ["noble"], components: ["main", "universe"] },
  ]);
});

test("newer suites are derived from the distribution's own archive alone", () => {
  const candidates = newerSuites(parseStanzas(STANZAS));
  expect(candidates.map((candidate) => candidate.suite)).toEqual([
    "forky",
    "sid",
    "trixie-backports",
    "trixie",
  ]);
  expect(candidates[0]?.sourcesText).toBe(
    "Types: deb\nURIs: http://mirror.example/debian\nSuites: forky\nComponents: main\nSigned-By: /usr/share/keyrings/archive.gpg\n",
  );
  expect(newerSuites([])).toEqual([]);
});

test("on Ubuntu the package is in universe", () => {
  const candidates = newerSuites(parseOneLineSources("deb http://c.example/ubuntu noble main universe"));
  expect(candidates[0]?.sourcesText).toContain("Suites: devel\nComponents: universe\n");
});

test("the machine's own suites are those of the archive, without updates and other archives", () => {
  const sources = parseOneLineSources(
    "deb http://a.example/debian bookworm main\ndeb http://a.example/debian bookworm-updates main\ndeb http://b.example/else stable-ish main",
  );
  expect(ownSuites(sources).map(({ suite }) => suite)).toEqual(["bookworm"]);
});
