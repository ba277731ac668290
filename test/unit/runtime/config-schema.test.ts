/** The schema holds together: names, reference, and what any text of any option comes to. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distanceBetween, nearestName } from "../../../services/runtime/config/nearest-name.ts";
import { optional, type Option } from "../../../services/runtime/config/option.ts";
import { integer, text } from "../../../services/runtime/config/plain-kinds.ts";
import { configReference } from "../../../services/runtime/config/reference.ts";
import { ALL_OPTIONS } from "../../../services/runtime/config/schema.ts";
import { inspectConfig } from "../../../services/runtime/config/inspect.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { checkProperty } from "../property.ts";
import { completeEnvironment, folderOfTests, TOPOLOGY } from "./config-bed.ts";

const folder = folderOfTests();
const complete = completeEnvironment(folder.write("topology.yaml", TOPOLOGY));

/** All that 0.1.0 read. It was released: nothing is added here. */
const FIRST = `
  FOREBAY_CHAOS_KEY FOREBAY_CHAOS_URL FOREBAY_CONFLICT_RETENTION_HOURS
  FOREBAY_CONNECTIONS_MAX FOREBAY_CRASH_AT FOREBAY_EXIT_WITH_PARENT
  FOREBAY_HTTP_HOST FOREBAY_HTTP_PORT FOREBAY_LEADER_COOL_DOWN_MS
  FOREBAY_LEADER_LOOK_MS FOREBAY_LEADER_PLACEMENT FOREBAY_LEADER_SETTLED_MS
  FOREBAY_LOG_LEVEL FOREBAY_LOG_RETENTION_SECONDS FOREBAY_MEMBER_AWAY_SECONDS_MAX
  FOREBAY_MEMORY_MEGABYTES_MAX FOREBAY_NATS_MONITOR_URL FOREBAY_NATS_TRIM_URL
  FOREBAY_NATS_URL FOREBAY_OPERATION_RETENTION_SECONDS FOREBAY_POSTGRES_CONNECTIONS_MAX
  FOREBAY_POSTGRES_URL FOREBAY_REGION FOREBAY_REPAIR_AUTOMATIC
  FOREBAY_REQUESTS_MAX FOREBAY_ROLES FOREBAY_SESSION_SECRET
  FOREBAY_TOPOLOGY FOREBAY_TRACE_EXPORT_URL FOREBAY_TRIM_EVERY_SECONDS
  FOREBAY_VERIFY_EVERY_SECONDS FOREBAY_WAL_AGE_SECONDS_MAX FOREBAY_WAL_BYTES_MAX
  FOREBAY_WAL_RETENTION_SECONDS FOREBAY_WAL_ROWS_MAX
`;

function variableOfKey(key: string): string {
  return `FOREBAY_${key.toUpperCase().replaceAll(".", "_")}`;
}

describe("the schema", () => {
  it("has each name once, and a variable is its key", () => {
    expect(ALL_OPTIONS.filter(({ key, variable }) => variableOfKey(key) !== variable)).toEqual([]);
    for (const name of ["key", "variable"] as const)
      expect(new Set(ALL_OPTIONS.map((option) => option[name])).size).toBe(ALL_OPTIONS.length);
  });

  it("says since when each option is there", () => {
    const ofFirst = ALL_OPTIONS.filter(({ since }) => since === "0.1.0").map(({ variable }) => variable);
    expect(ofFirst.sort()).toEqual(FIRST.trim().split(/\s+/).sort());
    expect(ALL_OPTIONS.filter(({ since }) => !/^\d+\.\d+\.\d+$/.test(since))).toEqual([]);
  });

  it("says what each option is for in a sentence", () => {
    for (const { summary, variable } of ALL_OPTIONS) expect(summary, variable).toMatch(/^[A-Z].*\.$/);
  });
});

/** Options that a text of the reference does not have. */
function missingIn(reference: string, options: readonly Option<unknown>[]): readonly string[] {
  return options
    .filter(
      ({ variable, key }) => !reference.includes(`\`${variable}\``) || !reference.includes(`\`${key}\``),
    )
    .map(({ variable }) => variable);
}

describe("the reference", () => {
  it("in the repository is what the schema says: `npm run forebay -- config reference` prints it", () => {
    const path = join(packageRoot(), "services/runtime/config/README.md");
    expect(readFileSync(path, "utf8")).toBe(configReference());
  });

  it("has every option, and one that is missing is found", () => {
    const reference = configReference();
    expect(missingIn(reference, ALL_OPTIONS)).toEqual([]);
    const planted = optional({
      variable: "FOREBAY_PLANTED",
      key: "planted",
      kind: text("a text"),
      summary: "Planted.",
    });
    expect(missingIn(reference, [...ALL_OPTIONS, planted])).toEqual(["FOREBAY_PLANTED"]);
    expect(missingIn(reference.replace("`FOREBAY_HTTP_PORT`", ""), ALL_OPTIONS)).toEqual([
      "FOREBAY_HTTP_PORT",
    ]);
  });
});

/** Texts that are nearly right, as well as any. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.integer().map(String),
  fc.bigInt().map(String),
  fc.constantFrom("on", "off", "true", "0", "1", "1e9", "0x10", "5s", "-1", "NaN", "a=1", "a=1,b=2", "*"),
  fc.constantFrom("http://x", "https://u:p@x/?a=b", "nats://[::", "postgres://h/d?sslmode=prefer", "tls://x"),
);

/** What is wrong with what an option made of a text; undefined where it is as it should be. */
function faultOf(option: Option<unknown>, given: string): string | undefined {
  const reading = option.read(given);
  if ("problem" in reading) return /must|can't be read/.test(reading.problem) ? undefined : reading.problem;
  const [, minimum, maximum] = /^a whole number from (\d+) to (\d+)/.exec(option.kind.expectation) ?? [];
  if (minimum === undefined) return undefined;
  const isWithin = Number(reading.value) >= Number(minimum) && Number(reading.value) <= Number(maximum);
  return isWithin ? undefined : `${given} became ${String(reading.value)}`;
}

describe("any text of any option", () => {
  it("is within its bounds, or is refused with what would be right", () => {
    const named = ALL_OPTIONS.filter(({ kind }) => !kind.expectation.includes("topology file"));
    checkProperty(
      fc.property(fc.constantFrom(...named), anyText, (option, given) => {
        expect(faultOf(option, given)).toBeUndefined();
      }),
      { runs: 2_000 },
    );
  });

  it("of the environment never throws, and problems begin with a name of an option", () => {
    checkProperty(
      fc.property(fc.constantFrom(...ALL_OPTIONS), anyText, ({ variable }, given) => {
        const { problems, config } = inspectConfig({ ...complete, [variable]: given });
        expect(problems.filter((problem) => !/^FOREBAY_[A-Z0-9_]+ /.test(problem))).toEqual([]);
        expect(problems.length > 0).toBe(config === undefined);
        expect(problems.join("")).not.toContain("\n");
      }),
      { runs: 500 },
    );
  });

  it("is found out of bounds where a reader is planted that does not look", () => {
    const honest = optional({
      variable: "FOREBAY_PLANTED",
      key: "planted",
      kind: integer({ minimum: 1, maximum: 9 }),
      summary: "Planted.",
    });
    const planted = {
      ...honest,
      read: (given: string | undefined) => ({ value: Number(given), shown: given }),
    };
    expect(faultOf(honest, "10")).toBeUndefined();
    expect(faultOf(planted, "10")).toBe("10 became 10");
  });
});

describe("the nearest name", () => {
  const known = ALL_OPTIONS.map(({ variable }) => variable);

  it.each([
    ["FOREBAY_HTTP_PROT", "FOREBAY_HTTP_PORT"],
    ["FOREBAY_HTTP_HOTS", "FOREBAY_HTTP_HOST"],
    ["FOREBAY_PORT", "FOREBAY_HTTP_PORT"],
    ["FOREBAY_POSTGRES_CONNECTION_MAX", "FOREBAY_POSTGRES_CONNECTIONS_MAX"],
    ["FOREBAY_SOMETHING_ELSE_ALTOGETHER", undefined],
  ])("to %s is %s", (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });

  it("is one that is as far from there as back", () => {
    checkProperty(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (one, other) => {
        expect(distanceBetween(one, other)).toBe(distanceBetween(other, one));
        expect(distanceBetween(one, other) === 0).toBe(one === other);
      }),
      { runs: 300 },
    );
  });
});
