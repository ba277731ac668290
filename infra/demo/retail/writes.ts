/** What an order line writes, and to which region. */
import type { OrderLine } from "./lines.ts";

export interface Write {
  readonly region: string;
  readonly collection: string;
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string;
}

export const SCHEMAS = {
  orders: {
    fields: {
      customer: { class: "lww", type: "string" },
      country: { class: "lww", type: "string" },
      day: { class: "lww", type: "string" },
      cancelled: { class: "lww", type: "boolean" },
      lines: { class: "merge", kind: "counter" },
      units: { class: "merge", kind: "counter" },
      revenuePence: { class: "merge", kind: "counter" },
    },
  },
  products: {
    fields: {
      description: { class: "lww", type: "string" },
      lines: { class: "merge", kind: "counter" },
      units: { class: "merge", kind: "counter" },
      revenuePence: { class: "merge", kind: "counter" },
      stock: { class: "merge", kind: "escrow", min: 0 },
    },
  },
  customers: {
    fields: {
      countries: { class: "merge", kind: "set" },
      lastOrder: { class: "merge", kind: "max", type: "string" },
      lines: { class: "merge", kind: "counter" },
    },
  },
} as const;

/** Sales without a customer number are one customer's: nobody's. */
export const NOBODY = "none";

const NEAREST: Readonly<Record<string, string>> = {
  Australia: "ap",
  "Hong Kong": "ap",
  Japan: "ap",
  Singapore: "ap",
  Brazil: "us",
  Canada: "us",
  USA: "us",
};

/** The shop is British: what has no nearer region goes to Europe. */
export function nearestRegion(country: string, regions: readonly string[]): string {
  const nearest = NEAREST[country] ?? "eu";
  return regions.includes(nearest) ? nearest : regions[0]!;
}

export function writesOf(line: OrderLine, options: { regions: readonly string[]; run: string }): Write[] {
  const region = nearestRegion(line.country, options.regions);
  const revenuePence = line.quantity * line.unitPricePence;
  const sums = { lines: 1, units: line.quantity, revenuePence };
  const write = (collection: string, key: string, body: Write["body"]): Write => ({
    region,
    collection,
    key,
    body,
    idempotencyKey: `${options.run}-${line.number}-${collection}`,
  });
  const { customer = NOBODY, country, day, description } = line;
  const cancelled = line.invoice.startsWith("C");
  return [
    write("orders", line.invoice, { set: { customer, country, day, cancelled }, inc: sums }),
    write("products", line.stockCode, { ...(description === "" ? {} : { set: { description } }), inc: sums }),
    write("customers", customer, {
      add: { countries: [country] },
      raise: { lastOrder: day },
      inc: { lines: 1 },
    }),
  ];
}
