import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSource } from "../../../services/cli/import/source.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "forebay-utf8-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(bytes: Buffer) {
  const path = join(folder, "file.csv");
  writeFileSync(path, bytes);
  return openSource({ from: path });
}

/** Longer than what is read at once, and of characters of all lengths: some lie across a border. */
const LONG = "id,name\n" + "1,aé€😀\n".repeat(100_000);

describe("a CSV file", () => {
  it("is read where it is UTF-8, wherever its bytes are cut", async () => {
    const source = await open(Buffer.from(LONG));
    let rows = 0;
    for await (const { values } of source.rows(undefined)) {
      rows += 1;
      if (values["name"] !== "aé€😀") throw new Error(JSON.stringify(values));
    }
    expect(rows).toBe(100_000);
  });

  it.each([
    ["a byte of another encoding", Buffer.from("id,name\n1,x\n2,Jos\xe9\n3,y\n", "latin1"), 3],
    ["one far behind", Buffer.concat([Buffer.from(LONG), Buffer.from([0xff, 0x0a])]), 100_002],
    ["half a character at the end", Buffer.from([0x69, 0x64, 0x0a, 0xe2, 0x82]), 2],
  ])("is refused with its line for %s, before a row is read", async (_, bytes, line) => {
    await expect(open(bytes)).rejects.toThrow(`is not UTF-8 at line ${line}; nothing was written`);
  });
});
