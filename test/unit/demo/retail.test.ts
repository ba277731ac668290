/** The demo's two readings of the file: the one that writes, and the one that knows what must come out. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { computeExpected, type Expected } from "../../../infra/demo/retail/expected.ts";
import { initialStock, stockWriteOf, givesOf } from "../../../infra/demo/retail/stock.ts";
import { FILE, readLines, type OrderLine } from "../../../infra/demo/retail/lines.ts";
import { nearestRegion, NOBODY, SCHEMAS, writesOf } from "../../../infra/demo/retail/writes.ts";
import { makeTemporaryFolder } from "../../../infra/local/temporary-folder.ts";
import { planChanges } from "../../../services/core/accept/changes.ts";
import { checkKey } from "../../../services/core/accept/key.ts";
import { schemaProblems } from "../../../services/core/schema-problems.ts";

const HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
const REGIONS = ["eu", "us", "ap"];

let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(() => {
  folder = makeTemporaryFolder("retail-test");
});
afterAll(() => {
  folder.remove();
});

let files = 0;
function fileOf(...rows: readonly string[]): string {
  const path = join(folder.path, `${(files += 1)}.csv.gz`);
  writeFileSync(path, gzipSync([HEADER, ...rows, ""].join("\n")));
  return path;
}

const both = (...rows: readonly string[]) => {
  const path = fileOf(...rows);
  return { lines: readLines(path), expected: computeExpected(path) };
};

interface Totals {
  readonly lines: bigint;
  readonly units: bigint;
  readonly revenuePence: bigint;
}

function totalsOf(lines: readonly OrderLine[]): Totals {
  return lines.reduce(
    (sums, line) => ({
      lines: sums.lines + 1n,
      units: sums.units + BigInt(line.quantity),
      revenuePence: sums.revenuePence + BigInt(line.quantity) * BigInt(line.unitPricePence),
    }),
    { lines: 0n, units: 0n, revenuePence: 0n },
  );
}

function expectedTotals(records: Iterable<Totals>): Totals {
  let [lines, units, revenuePence] = [0n, 0n, 0n];
  for (const one of records) {
    lines += one.lines;
    units += one.units;
    revenuePence += one.revenuePence;
  }
  return { lines, units, revenuePence };
}

describe("the whole file", () => {
  let lines: OrderLine[];
  let expected: Expected;
  beforeAll(() => {
    lines = readLines();
    expected = computeExpected(FILE);
  });

  it("has as many lines, units and pence in both readings, by order and by product", () => {
    const totals = totalsOf(lines);
    expect(lines).toHaveLength(9_999);
    expect(expected.lines).toBe(9_999);
    expect(expectedTotals(expected.orders.values())).toEqual(totals);
    expect(expectedTotals(expected.products.values())).toEqual(totals);
    expect([...expected.customers.values()].reduce((sum, { lines: count }) => sum + count, 0n)).toBe(9_999n);
    expect(totals).toMatchInlineSnapshot(`
      {
        "lines": 9999n,
        "revenuePence": 18065925n,
        "units": 78284n,
      }
    `);
  });

  it("has the same orders, products and customers in both readings", () => {
    const keysOf = (of: (line: OrderLine) => string) => [...new Set(lines.map(of))].toSorted();
    expect(keysOf((line) => line.invoice)).toEqual([...expected.orders.keys()].toSorted());
    expect(keysOf((line) => line.stockCode)).toEqual([...expected.products.keys()].toSorted());
    expect(keysOf((line) => line.customer ?? NOBODY)).toEqual([...expected.customers.keys()].toSorted());
    for (const [stock, product] of expected.products) {
      const descriptions = lines.filter((line) => line.stockCode === stock).map((line) => line.description);
      expect(product.descriptions).toEqual(new Set(descriptions.filter((text) => text !== "")));
    }
    for (const [customer, person] of expected.customers) {
      const own = lines.filter((line) => (line.customer ?? NOBODY) === customer);
      expect(person.countries).toEqual(new Set(own.map((line) => line.country)));
      expect(person.lastOrder).toBe(
        own
          .map((line) => line.day)
          .toSorted()
          .at(-1),
      );
    }
  });

  it("has odd lines, and none is left out: cancelled, negative, without a customer, without a price", () => {
    expect(lines.map((line) => line.number)).toEqual(lines.map((_, index) => index + 1));
    for (const isOdd of [
      (line: OrderLine) => line.invoice.startsWith("C"),
      (line: OrderLine) => line.quantity < 0,
      (line: OrderLine) => line.customer === undefined,
      (line: OrderLine) => line.unitPricePence === 0,
      (line: OrderLine) => line.description === "",
      (line: OrderLine) => line.description.includes(","),
    ])
      expect(lines.some(isOdd)).toBe(true);
  });

  it("makes writes that the schemas take, each under a key of its own", () => {
    const keys = new Set<string>();
    const lanes = new Map<string, number>();
    for (const line of lines) {
      const stockWrite = stockWriteOf(line, { regions: REGIONS, run: "test" });
      expect(stockWrite === undefined).toBe(line.quantity === 0);
      const batch = writesOf(line, { regions: REGIONS, run: "test" });
      for (const write of stockWrite === undefined ? batch : [...batch, stockWrite]) {
        checkKey(write.key);
        planChanges(SCHEMAS[write.collection as keyof typeof SCHEMAS], write.body);
        keys.add(write.idempotencyKey);
        lanes.set(write.region, (lanes.get(write.region) ?? 0) + 1);
      }
    }
    const stockWrites = lines.filter((line) => line.quantity !== 0).length;
    expect(stockWrites).toBeGreaterThan(9_000);
    expect(keys.size).toBe(3 * lines.length + stockWrites);
    expect([...lanes.values()].reduce((sum, count) => sum + count, 0)).toBe(3 * lines.length + stockWrites);
    expect([...lanes.keys()].every((region) => REGIONS.includes(region))).toBe(true);
    for (const schema of Object.values(SCHEMAS)) expect(schemaProblems(schema)).toEqual([]);
  });

  it("is given as much as it sells of each product, but of the most popular, which are scarce", () => {
    const stock = initialStock(lines);
    const scarce: bigint[] = [];
    const enough: bigint[] = [];
    for (const [product, { ordered, returned, units }] of expected.products) {
      expect(ordered - returned).toBe(units);
      const given = BigInt(stock.get(product) ?? 0);
      if (given !== ordered) expect(given).toBe((ordered * 9n) / 10n);
      (given === ordered ? enough : scarce).push(ordered);
    }
    expect(stock.size).toBe([...expected.products.values()].filter(({ ordered }) => ordered > 0n).length);
    expect(scarce).toHaveLength(20);
    const most = enough.reduce((max, units) => (units > max ? units : max), 0n);
    expect(scarce.every((units) => units >= most)).toBe(true);
    const gives = givesOf(stock, { regions: REGIONS, run: "test" });
    expect(gives).toHaveLength(stock.size);
    expect(new Set(gives.map((write) => write.idempotencyKey)).size).toBe(gives.length);
    for (const { collection, key, region, body } of gives) {
      expect([collection, region]).toEqual(["products", "eu"]);
      planChanges(SCHEMAS.products, body);
      expect(body).toEqual({ give: { stock: stock.get(key) } });
    }
  });
});

describe("odd rows", () => {
  it("with quotes, commas and line ends inside of fields are read alike", () => {
    const { lines, expected } = both(
      '536365,85123A,"HEART, ""WHITE"" & RED",6,1/12/2010,2.55,17850,United Kingdom',
      '536366,22633,"TWO\nLINES",2,31/12/2010,10,17850,"Korea, Republic of"',
      '"536367","84879","PLAIN","-1","1/1/2011",".5","",France'.replace('".5"', '"0.5"'),
    );
    expect(lines.map((line) => line.description)).toEqual(['HEART, "WHITE" & RED', "TWO\nLINES", "PLAIN"]);
    expect(lines.map((line) => line.country)).toEqual(["United Kingdom", "Korea, Republic of", "France"]);
    expect(lines.map((line) => line.unitPricePence)).toEqual([255, 1_000, 50]);
    expect(lines.map((line) => line.day)).toEqual(["2010-12-01", "2010-12-31", "2011-01-01"]);
    expect(expected.lines).toBe(3);
    expect(expectedTotals(expected.products.values())).toEqual(totalsOf(lines));
    expect([...expected.products.values()].flatMap((product) => [...product.descriptions])).toEqual(
      lines.map((line) => line.description),
    );
    expect(expected.customers.get("17850")?.countries).toEqual(
      new Set(["United Kingdom", "Korea, Republic of"]),
    );
    expect([...expected.customers.keys()]).toEqual(["17850", NOBODY]);
  });

  it("keep pence exact where floating point would not", () => {
    const prices = ["2.55", "0.29", "1.1", "1.005".slice(0, 4), "9.95", "0", "0.07", "18.4", "1154.5"];
    const { lines, expected } = both(
      ...prices.map((price, index) => `5${index},P${index},A,3,1/12/2010,${price},1,France`),
    );
    expect(lines.map((line) => line.unitPricePence)).toEqual([255, 29, 110, 100, 995, 0, 7, 1_840, 115_450]);
    expect([...expected.products.values()].map((product) => product.revenuePence)).toEqual(
      lines.map((line) => 3n * BigInt(line.unitPricePence)),
    );
  });

  it("that are cancelled count negatively, and say so", () => {
    const { lines, expected } = both("C536379,D,Discount,-1,1/12/2010,27.5,14527,United Kingdom");
    const [order, product, customer] = writesOf(lines[0]!, { regions: REGIONS, run: "test" });
    expect(order!.body).toEqual({
      set: { customer: "14527", country: "United Kingdom", day: "2010-12-01", cancelled: true },
      inc: { lines: 1, units: -1, revenuePence: -2_750 },
    });
    expect(product!.body).toMatchObject({ set: { description: "Discount" } });
    expect(customer!.body).toEqual({
      add: { countries: ["United Kingdom"] },
      raise: { lastOrder: "2010-12-01" },
      inc: { lines: 1 },
    });
    expect(expected.orders.get("C536379")).toMatchObject({ units: -1n, revenuePence: -2_750n });
  });

  it("without a description set none, and without a customer belong to nobody", () => {
    const { lines, expected } = both("536414,22139,,56,1/12/2010,0,,United Kingdom");
    const [order, product, customer] = writesOf(lines[0]!, { regions: REGIONS, run: "test" });
    expect(product!.body).toEqual({ inc: { lines: 1, units: 56, revenuePence: 0 } });
    expect(order!.body).toMatchObject({ set: { customer: NOBODY, cancelled: false } });
    expect(customer!.key).toBe(NOBODY);
    expect(expected.products.get("22139")?.descriptions.size).toBe(0);
  });

  it("that can't be read are named by their number, not skipped", () => {
    const good = "536365,85123A,A,6,1/12/2010,2.55,17850,United Kingdom";
    const wrong: readonly (readonly [string, RegExp])[] = [
      [",85123A,A,6,1/12/2010,2.55,17850,France", /line 2 has no InvoiceNo/],
      ["536365,,A,6,1/12/2010,2.55,17850,France", /line 2 has no StockCode/],
      ["536365,85123A,A,6.5,1/12/2010,2.55,17850,France", /line 2: 6.5 is no whole number/],
      ["536365,85123A,A,6,2010-12-01,2.55,17850,France", /line 2: 2010-12-01 is no date/],
      ["536365,85123A,A,6,1/12/2010,2.555,17850,France", /line 2: 2.555 is no price/],
      ["536365,85123A,A,6,1/12/2010,1e3,17850,France", /line 2: 1e3 is no price/],
      ["536365,85123A,A,6,1/12/2010,2.55,17850,", /line 2 has no Country/],
    ];
    for (const [row, reason] of wrong) expect(() => readLines(fileOf(good, row))).toThrow(reason);
    expect(() => readLines(fileOf(good, "536365,85123A"))).toThrow();
  });
});

describe("nearestRegion", () => {
  it("is in the same part of the world, and Europe for the rest", () => {
    const nearest = (country: string) => nearestRegion(country, REGIONS);
    for (const country of ["Australia", "Japan", "Hong Kong", "Singapore"])
      expect(nearest(country)).toBe("ap");
    for (const country of ["USA", "Canada", "Brazil"]) expect(nearest(country)).toBe("us");
    for (const country of ["United Kingdom", "France", "Unspecified", "", "Atlantis"])
      expect(nearest(country)).toBe("eu");
  });

  it("is a region that there is", () => {
    expect(nearestRegion("Japan", ["eu", "us"])).toBe("eu");
    expect(nearestRegion("France", ["us", "ap"])).toBe("us");
  });

  it("does not look a country up on the prototype", () => {
    for (const country of ["constructor", "toString", "__proto__"])
      expect(nearestRegion(country, REGIONS)).toBe("eu");
  });
});
