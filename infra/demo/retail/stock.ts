/** What the shop has of each product at first, and what each order line takes of it. */
import type { OrderLine } from "./lines.ts";
import { nearestRegion, type Write } from "./writes.ts";

/** Of so many products, those that most is ordered of, there is too little. */
const SCARCE_PRODUCTS = 20;
const SCARCE_TENTHS = 9;
/** Where the shop is. */
const SELLER_COUNTRY = "United Kingdom";

/** Exactly what is ordered in the file, but for the most popular products nine tenths of it: some of them sell out. */
export function initialStock(lines: readonly OrderLine[]): Map<string, number> {
  const ordered = new Map<string, number>();
  for (const { stockCode, quantity } of lines) {
    if (quantity > 0) ordered.set(stockCode, (ordered.get(stockCode) ?? 0) + quantity);
  }
  const popular = [...ordered].toSorted(
    ([one, units], [other, others]) => others - units || (one < other ? -1 : 1),
  );
  return new Map(
    popular.map(([product, units], rank) => [
      product,
      rank < SCARCE_PRODUCTS ? Math.floor((units * SCARCE_TENTHS) / 10) : units,
    ]),
  );
}

/** Where nothing is left, what is given is shared out among all regions: each may sell from the beginning. */
export function givesOf(
  stock: ReadonlyMap<string, number>,
  options: { regions: readonly string[]; run: string },
): Write[] {
  const { regions, run } = options;
  return [...stock]
    .filter(([, units]) => units > 0)
    .map(([product, units]) => ({
      region: nearestRegion(SELLER_COUNTRY, regions),
      collection: "products",
      key: product,
      body: { give: { stock: units } },
      idempotencyKey: `${run}-given-${product}`,
    }));
}

/**
 * A write of its own: a take may be refused, and with it the whole of its write. The counters have what the file has,
 * whether it was there or not.
 */
export function stockWriteOf(
  line: OrderLine,
  { regions, run }: { regions: readonly string[]; run: string },
): Write | undefined {
  const { number, stockCode, quantity, country } = line;
  if (quantity === 0) return undefined;
  return {
    region: nearestRegion(country, regions),
    collection: "products",
    key: stockCode,
    body: quantity > 0 ? { take: { stock: quantity } } : { give: { stock: -quantity } },
    idempotencyKey: `${run}-${number}-stock`,
  };
}
