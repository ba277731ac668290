/** The console's page as it is built: small, and with nothing in it that a browser would fetch elsewhere. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildConsole } from "../../../infra/build/console.ts";

const BYTES_MAX = 120 * 1024;
/** Names of XML's and of formats: nobody asks for them. */
const NAMES = ["http://www.w3.org/"];

let folder: string;

beforeAll(async () => {
  ({ folder } = await buildConsole());
}, 120_000);

function built(ending: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What a page could ask another host for. */
function foreignUrls(text: string): string[] {
  const urls =
    text.match(/(?:https?|wss?):\/\/[\w.-]+[^\s"'`)<]*|(?:src|href|url\()\s*=?\s*["']?\/\/[\w.-]+/g) ?? [];
  return urls.filter((url) => !NAMES.some((name) => url.startsWith(name)));
}

describe("the built page", () => {
  it(`takes less than ${BYTES_MAX / 1024} kB, compressed either way`, () => {
    for (const ending of [".br", ".gz"]) {
      const sizes = built(ending).map((path) => statSync(path).size);
      expect(sizes.length).toBeGreaterThanOrEqual(4);
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      expect(bytes).toBeLessThan(BYTES_MAX);
    }
  });

  it("names no other host", () => {
    const files = [".html", ".js", ".css", ".svg"].flatMap(built);
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const path of files)
      expect({ path, urls: foreignUrls(readFileSync(path, "utf8")) }).toEqual({ path, urls: [] });
  });

  it("names no other host: the check can fail", () => {
    for (const text of [
      '"https://cdn.example/a.js"',
      "url(//fonts.example/a)",
      '<img src="//a.example">',
      "wss://a.example",
    ])
      expect(`${text} ${foreignUrls(text).length}`).toMatch(/ 1$/);
    expect(foreignUrls('"http://www.w3.org/2000/svg"')).toEqual([]);
  });

  it("has neither scripts nor styles in its document, which its policy would refuse", () => {
    const html = readFileSync(join(folder, "index.html"), "utf8");
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
    expect(html).toMatch(/src="\/console\/assets\/[\w-]+\.js"/);
  });

  it("is not built again while nothing has changed", async () => {
    expect(await buildConsole()).toEqual({ folder, isNew: false });
  });
});
