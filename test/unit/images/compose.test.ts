/** The composition of three regions is what processes and servers can start with; each rule is tried on a planted mistake. */
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { prepareComposition } from "../../../infra/compose/prepare.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { KNOWN_VARIABLES } from "../../../services/runtime/config/sources.ts";
import { readTopology } from "../../../services/runtime/topology.ts";
import { composeProblems, readComposition } from "../../images/compose-rules.ts";
import { problemsOf } from "../../terraform/process-environment.ts";

const TEXT = readFileSync(join(packageRoot(), "infra/compose/three-regions.yaml"), "utf8");
const topology = readTopology(join(packageRoot(), "regions/local.yaml"));
const required = problemsOf({}).flatMap((problem) => /^(FOREBAY_\w+) is not set/.exec(problem)?.[1] ?? []);
const textsOf = (folder: string) =>
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
const check = (text: string) => composeProblems(text, { known: KNOWN_VARIABLES, required });

function planted(from: string | RegExp, to: string): string {
  const text = TEXT.replace(from, to);
  if (text === TEXT) throw new Error(`the composition has no ${String(from)}`);
  return check(text).join("\n");
}

describe("the composition", () => {
  const folder = mkdtempSync(join(tmpdir(), "forebay-compose-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("has nothing wrong", () => {
    expect(required.length).toBeGreaterThan(4);
    expect(check(TEXT)).toEqual([]);
  });

  it("has every region of the topology, and no other", () => {
    const regions = Object.values(readComposition(TEXT).services).flatMap(
      ({ environment }) => environment?.["FOREBAY_REGION"] ?? [],
    );
    expect(regions.sort()).toEqual(topology.regions.map(({ name }) => name).sort());
  });

  it("mounts what the preparation makes, of which a second one changes nothing", async () => {
    const made = join(folder, "made");
    const names = await prepareComposition({ folder: made, topology });
    const { secrets, configs } = readComposition(TEXT);
    const mounted = [...Object.values(secrets), ...Object.values(configs)].map(({ file }) => basename(file));
    expect(readdirSync(made)).toEqual(expect.arrayContaining(mounted));
    expect([...names, "complete"].sort()).toEqual(readdirSync(made).sort());
    expect(statSync(made).mode & 0o077).toBe(0);
    const before = textsOf(made);
    expect(await prepareComposition({ folder: made, topology })).toEqual([]);
    expect(textsOf(made)).toEqual(before);
  });

  it("mounts what containers may read, whatever the umask", async () => {
    const made = join(folder, "umask");
    const before = process.umask(0o077);
    try {
      await prepareComposition({ folder: made, topology });
    } finally {
      process.umask(before);
    }
    // Nothing mounts the authority's key: who has it can be any server.
    expect(statSync(join(made, "ca-key.pem")).mode & 0o777).toBe(0o600);
    const files = readdirSync(made).filter((name) => name !== "complete" && name !== "ca-key.pem");
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((name) => (statSync(join(made, name)).mode & 0o777) !== 0o444)).toEqual([]);
  });

  it("is prepared again where the preparation was cut off, without writing into files that may only be read", async () => {
    const made = join(folder, "half");
    await prepareComposition({ folder: made, topology });
    const [secret, kept] = [join(made, "session_secret"), join(folder, "kept")];
    const before = readFileSync(secret, "utf8");
    linkSync(secret, kept);
    rmSync(join(made, "complete"));
    expect(await prepareComposition({ folder: made, topology })).toContain("session_secret");
    expect(readFileSync(secret, "utf8")).not.toBe(before);
    expect(readFileSync(kept, "utf8")).toBe(before);
  });

  it("gives every region's processes a user that its server knows", async () => {
    const made = join(folder, "users");
    await prepareComposition({ folder: made, topology });
    for (const { name } of topology.regions) {
      const [user = "", password = ""] = readFileSync(join(made, `nats_user_${name}`), "utf8")
        .trim()
        .split(":");
      expect(readFileSync(join(made, `nats_${name}`), "utf8")).toContain(`"${user}"`);
      expect(readFileSync(join(made, `nats_variables_${name}`), "utf8")).toContain(`"${password}"`);
    }
  });
});

describe("a planted mistake is found", () => {
  const PLANTS: readonly [string, string | RegExp, string, RegExp][] = [
    ["a port for everybody", '"127.0.0.1:7101:7100"', '"7101:7100"', /port "7101:7100" is open/],
    [
      "a port for everybody, said",
      '"127.0.0.1:7101:7100"',
      '"0.0.0.0:7101:7100"',
      /is open to other machines/,
    ],
    ["a misspelt variable", "FOREBAY_REGION: eu", "FOREBAY_REGOIN: eu", /FOREBAY_REGOIN is no variable/],
    ["one that is left out", "FOREBAY_REGION: us\n", "\n", /FOREBAY_REGION is not set/],
    [
      "a secret in clear",
      "FOREBAY_SESSION_SECRET_FILE: /run/secrets/session_secret",
      "FOREBAY_SESSION_SECRET: abc",
      /secret in clear/,
    ],
    ["a tag that moves", "nats:2.15.1-alpine", "nats:latest", /pinned to no exact tag/],
    ["a root user", 'user: "1000:1000"', 'user: "0:0"', /runs as root/],
    ["a root that can be written", "read_only: true", "read_only: false", /can be written/],
    ["capabilities", "  cap_drop: [ALL]\n", "", /keeps capabilities/],
    [
      "no health check",
      /  healthcheck:\n    test: \[CMD, pg_isready[^]*?retries: 30\n/,
      "",
      /no health check/,
    ],
    ["a word that is none of compose's", "stop_grace_period", "stop_grace_perod", /must NOT have|additional/],
  ];
  for (const [what, from, to, problem] of PLANTS)
    it(what, () => {
      expect(planted(from, to)).toMatch(problem);
    });
});
