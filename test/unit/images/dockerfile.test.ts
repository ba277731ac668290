/** The Dockerfile is linted; each rule is tried on a planted mistake. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DOCKERFILE } from "../../../infra/images/build.ts";
import { readAllowed, readAllowedOf } from "../../../infra/images/context.ts";
import { softwareVersion } from "../../../services/runtime/config-software.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { dockerfileProblems } from "../../images/dockerfile-rules.ts";

const TEXT = readFileSync(join(packageRoot(), DOCKERFILE), "utf8");
const problemsOf = (text: string) => dockerfileProblems(text, softwareVersion());

/** @throws {Error} where there is nothing to change: a plant that plants nothing proves nothing. */
function planted(from: string | RegExp, to: string): readonly string[] {
  const text = TEXT.replace(from, to);
  if (text === TEXT) throw new Error(`the Dockerfile has no ${String(from)}`);
  return problemsOf(text);
}

describe("the Dockerfile", () => {
  it("has nothing wrong", () => {
    expect(problemsOf(TEXT)).toEqual([]);
  });

  it("copies from no more than .dockerignore lets through", () => {
    expect([...readAllowedOf(packageRoot())].sort()).toEqual(
      [
        "LICENSE",
        "README.md",
        "infra",
        "package-lock.json",
        "package.json",
        "regions",
        "services",
        "tsconfig.json",
      ].sort(),
    );
  });
});

describe("a planted mistake is found", () => {
  const PLANTS: readonly [string, string | RegExp, string, RegExp][] = [
    ["a root user", "USER 1000:1000", "USER root", /USER is root/],
    ["no user", "USER 1000:1000\n", "", /USER is not set/],
    ["a tag that moves", "node:24.21.0-bookworm-slim", "node:latest", /pinned to no exact tag/],
    [
      "a secret",
      "ENV NODE_ENV=production",
      "ENV FOREBAY_SESSION_SECRET=abc NODE_ENV=production",
      /looks like a secret/,
    ],
    ["a secret of the build", "ARG REVISION=unknown", "ARG NPM_TOKEN=abc", /looks like a secret/],
    ["no health check", /HEALTHCHECK[^]*?\n(?=ENTRYPOINT)/, "", /HEALTHCHECK is missing/],
    [
      "development packages",
      "RUN npm ci --omit=dev --omit=optional",
      "RUN npm ci",
      /installs development packages/,
    ],
    ["scripts of packages", "RUN npm ci --ignore-scripts", "RUN npm ci", /use npm ci --ignore-scripts/],
    ["no bill of materials", /&& npm sbom [^&]*/, "", /makes no SBOM/],
    ["a shell as entry point", 'ENTRYPOINT ["node"]', "ENTRYPOINT node", /ENTRYPOINT needs a shell/],
    ["an option of node's that is left out", '"--max-semi-space-size=32", ', "", /CMD starts node without/],
    [
      "a base that has a shell",
      "FROM scratch",
      "FROM docker.io/library/debian:12.1.0",
      /not made from scratch/,
    ],
    ["another version", /image.version="[\d.]+"/, 'image.version="9.9.9"', /LABEL version is not/],
    ["an instruction that does not exist", "EXPOSE 7100", "EXPOSES 7100", /line \d+: .*EXPOSES/i],
  ];
  for (const [what, from, to, problem] of PLANTS)
    it(what, () => {
      expect(planted(from, to).join("\n")).toMatch(problem);
    });

  it("a .dockerignore that lets in more than names", () => {
    expect(() => readAllowed("node_modules\n")).toThrow("must keep out everything");
    expect(() => readAllowed("*\n!**/*.ts\n")).toThrow("must be a whole name");
  });
});
