/** Against csv-parse, which is slower and right. */
import fc from "fast-check";
import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { CsvParser, type CsvRecord } from "../../../services/cli/import/csv-parser.ts";
import { csvLine } from "../../../services/cli/export/csv-text.ts";
import { testSeed } from "../property.ts";

function parsed(chunks: readonly string[], delimiter = ","): CsvRecord[] {
  const parser = new CsvParser(delimiter);
  return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()];
}

const cell = fc.oneof(
  fc.constant(null),
  fc.string(),
  fc.constantFrom("", '"', '""', ",", "\n", "\r\n", " a ", 'a"b', 'ä,\n"x"'),
);
const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 });

describe("the parser of CSV", () => {
  it("reads what was written, wherever it is cut, as another parser does", () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 7 }), (rows, size) => {
        const text = rows.map((row) => csvLine(row)).join("");
        const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
          text.slice(index * size, (index + 1) * size),
        );
        const records = parsed(chunks);
        expect(records.map(({ cells }) => cells)).toEqual(rows);
        const oracle = parse(text, { relax_column_count: true }) as string[][];
        expect(records.map(({ cells }) => cells.map((one) => one ?? ""))).toEqual(oracle);
      }),
      { seed: testSeed(), numRuns: 2_000 },
    );
  });

  it("tells at which line a record begins, and what is wrong with it", () => {
    expect(parsed(['\uFEFFa,b\r\n\r\n"x\ny",1\n"x"z,2\n', "last,3"])).toEqual([
      { line: 1, cells: ["a", "b"] },
      { line: 3, cells: ["x\ny", "1"] },
      { line: 5, cells: ["x"], broken: "something follows the closing quote of value 1" },
      { line: 6, cells: ["last", "3"] },
    ]);
  });

  it("says where a quote is that is never closed", () => {
    expect(() => parsed(['a,b\n1,"2\n3,4\n'])).toThrow("line 2 is never closed");
  });
});
