/** The demo's shop against made-up answers: what is sold, what is not, and the check that the books are right. */
import { describe, expect, it } from "vitest";
import type { Left } from "../../../infra/demo/retail/api.ts";
import { bookDifferences, checkStock, stockDifference } from "../../../infra/demo/retail/check-stock.ts";
import type { OrderLine } from "../../../infra/demo/retail/lines.ts";
import { formatSales, leftOf, Shop } from "../../../infra/demo/retail/shop.ts";
import type { Write } from "../../../infra/demo/retail/writes.ts";

const REGIONS = ["eu", "us", "ap"];
const ELSEWHERE: Left = { here: 1, total: 9 };
const NOWHERE: Left = { here: 1, total: 2 };

/** Refuses with each of the answers, and then takes. */
function shopOf(refusals: readonly Left[] = []) {
  const writes: Write[] = [];
  const left = [...refusals];
  const api = {
    write: async (write: Write) => void writes.push(write),
    writeHere: async (write: Write) => {
      writes.push(write);
      return left.shift();
    },
  };
  return { shop: new Shop({ api, regions: REGIONS, run: "test", retryDelayMs: 0 }), writes };
}

function lineOf(quantity: number, country = "France"): OrderLine {
  return {
    number: 7,
    invoice: "536365",
    stockCode: "85123A",
    description: "A",
    quantity,
    day: "2010-12-01",
    unitPricePence: 255,
    customer: undefined,
    country,
  };
}

describe("the shop", () => {
  it("takes what is ordered in the region of the buyer, and gives back what is cancelled", async () => {
    const { shop, writes } = shopOf();
    await shop.open(new Map([["85123A", 10]]));
    expect(await shop.serve(lineOf(6, "Japan"))).toBe(true);
    expect(await shop.serve(lineOf(-2))).toBe(true);
    expect(await shop.serve(lineOf(0))).toBe(false);
    const write = { collection: "products", key: "85123A" };
    expect(writes).toEqual([
      { ...write, region: "eu", body: { give: { stock: 10 } }, idempotencyKey: "test-given-85123A" },
      { ...write, region: "ap", body: { take: { stock: 6 } }, idempotencyKey: "test-7-stock" },
      { ...write, region: "eu", body: { give: { stock: 2 } }, idempotencyKey: "test-7-stock" },
    ]);
    const book = { given: 10, sold: 6, returned: 2, soldOut: 0, outOfReach: 0 };
    expect([...shop.books]).toEqual([["85123A", book]]);
    expect(leftOf(book)).toBe(6);
  });

  it("tries again under the same key while other regions have the rights", async () => {
    const { shop, writes } = shopOf([ELSEWHERE, NOWHERE, NOWHERE, ELSEWHERE]);
    expect(await shop.serve(lineOf(3))).toBe(true);
    expect(writes).toHaveLength(5);
    expect(new Set(writes.map((write) => write.idempotencyKey)).size).toBe(1);
    expect(shop.sales).toEqual({ sold: 1, soldAfterAll: 1, soldOut: 0, outOfReach: 0, returned: 0 });
  });

  it("believes that a product is sold out when it is said three times", async () => {
    const { shop, writes } = shopOf([NOWHERE, NOWHERE, NOWHERE]);
    expect(await shop.serve(lineOf(3))).toBe(false);
    expect(writes).toHaveLength(3);
    expect(shop.sales).toMatchObject({ sold: 0, soldAfterAll: 0, soldOut: 1 });
    expect(shop.books.get("85123A")).toMatchObject({ sold: 0, soldOut: 3 });
  });

  it("gives up when the rights do not come", async () => {
    const { shop, writes } = shopOf(Array.from({ length: 40 }, () => ELSEWHERE));
    expect(await shop.serve(lineOf(3))).toBe(false);
    expect(writes).toHaveLength(30);
    expect(shop.books.get("85123A")).toMatchObject({ sold: 0, outOfReach: 3 });
    expect(formatSales(shop.sales)).toBe(
      "0 order lines sold from stock, 0 of them after they were refused for want of rights in their region, 0 sold out, 1 out of reach, 0 given back",
    );
  });
});

describe("the check of the stock", () => {
  const book = { given: 10, sold: 6, returned: 2, soldOut: 1, outOfReach: 0 };
  const sums = { lines: 1n, units: 5n, revenuePence: 0n, descriptions: new Set<string>() };
  const product = { ...sums, ordered: 7n, returned: 2n };

  it("finds books that are not of the file", () => {
    const books = new Map([["A", book]]);
    const found = (expected: object) =>
      bookDifferences(books, { products: new Map([["A", { ...product, ...expected }]]) });
    expect(found({})).toEqual([]);
    expect(found({ ordered: 8n })).toEqual(["product A has 7 units accounted for instead of 8"]);
    expect(found({ returned: 0n })).toEqual(["product A has 2 units given back instead of 0"]);
    expect(bookDifferences(books, { products: new Map() })).toEqual(["product A is not in the file"]);
    expect(bookDifferences(new Map(), { products: new Map([["A", product]]) })).toHaveLength(1);
  });

  it("finds stock that is not what the books say, below 0, or without rights to it", () => {
    const escrow = { value: 6, min: 0, rights: { eu: 4, us: 2 } };
    expect(stockDifference(escrow, 6)).toBeUndefined();
    expect(stockDifference(undefined, 0)).toBeUndefined();
    expect(stockDifference(undefined, 6)).toBe("has 0 in stock instead of 6");
    expect(stockDifference(escrow, 7)).toBe("has 6 in stock instead of 7");
    expect(stockDifference({ ...escrow, value: -1 }, -1)).toContain("below 0");
    expect(stockDifference({ ...escrow, rights: { eu: 7, us: -1 } }, 6)).toContain("rights below 0");
    expect(stockDifference({ ...escrow, rights: { eu: 4 } }, 6)).toContain("rights to 4 above 0");
  });

  it("asks a region of every product in the books", async () => {
    const api = {
      escrows: async (_region: unknown, { key }: { key: string }) =>
        key === "A" ? { stock: { value: 6, min: 0, rights: { eu: 6 } } } : undefined,
    };
    const region = { name: "eu", url: "" };
    const books = new Map([
      ["A", book],
      ["B", book],
    ]);
    expect(await checkStock(api, region, books)).toEqual(["product B has 0 in stock instead of 6"]);
  });
});
