/** Reads all records back from a region and compares them with what the file says. */
import type { Api, RegionAddress } from "./api.ts";
import type { Expected } from "./expected.ts";

export interface Checked {
  readonly region: string;
  readonly orders: number;
  readonly products: number;
  readonly customers: number;
  readonly lines: bigint;
  readonly units: bigint;
  readonly stock: bigint;
  readonly revenuePence: bigint;
  /** What differs from the file, in sentences. */
  readonly differences: readonly string[];
  /** All records as text, to compare regions with each other. */
  readonly content: string;
}

type Fields = Readonly<Record<string, unknown>>;

export async function checkRegion(api: Api, region: RegionAddress, expected: Expected): Promise<Checked> {
  const orders = await load(api, region, "orders");
  const products = await load(api, region, "products");
  const customers = await load(api, region, "customers");
  const differences = [
    ...compare({ what: "order", held: orders, expected: expected.orders, difference: orderDifference }),
    ...compare({
      what: "product",
      held: products,
      expected: expected.products,
      difference: productDifference,
    }),
    ...compare({
      what: "customer",
      held: customers,
      expected: expected.customers,
      difference: customerDifference,
    }),
  ];
  return {
    region: region.name,
    orders: orders.size,
    products: products.size,
    customers: customers.size,
    lines: total(products, "lines"),
    units: total(products, "units"),
    stock: total(products, "stock"),
    revenuePence: total(products, "revenuePence"),
    differences,
    content: JSON.stringify(
      [...orders, ...products, ...customers].map(([key, fields]) => [key, sorted(fields)]),
    ),
  };
}

async function load(api: Api, region: RegionAddress, collection: string): Promise<Map<string, Fields>> {
  const records = new Map<string, Fields>();
  for await (const { key, fields } of api.records(region, collection)) records.set(key, fields);
  return records;
}

function total(records: Map<string, Fields>, field: string): bigint {
  return [...records.values()].reduce((sum, fields) => sum + BigInt(Number(fields[field] ?? 0)), 0n);
}

function compare<E>(input: {
  what: string;
  held: Map<string, Fields>;
  expected: Map<string, E>;
  difference: (fields: Fields, expected: E) => string | undefined;
}): string[] {
  const { what, held, expected, difference } = input;
  const differences: string[] = [];
  for (const [key, value] of expected) {
    const fields = held.get(key);
    const found = fields === undefined ? "is missing" : difference(fields, value);
    if (found !== undefined) differences.push(`${what} ${key} ${found}`);
  }
  for (const key of held.keys())
    if (!expected.has(key)) differences.push(`${what} ${key} is not in the file`);
  return differences;
}

type ExpectedOf<K extends "orders" | "products" | "customers"> =
  Expected[K] extends Map<string, infer E> ? E : never;

function sumsDifference(
  fields: Fields,
  expected: { lines: bigint; units: bigint; revenuePence: bigint },
): string | undefined {
  for (const name of ["lines", "units", "revenuePence"] as const) {
    if (BigInt(Number(fields[name])) !== expected[name])
      return `has ${name} ${String(fields[name])} instead of ${expected[name]}`;
  }
  return undefined;
}

function orderDifference(fields: Fields, expected: ExpectedOf<"orders">): string | undefined {
  if (fields["country"] !== expected.country)
    return `is from ${String(fields["country"])} instead of ${expected.country}`;
  if (fields["customer"] !== expected.customer)
    return `is of ${String(fields["customer"])} instead of ${expected.customer}`;
  return sumsDifference(fields, expected);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A product has several descriptions in the file; any of them may have been written last, but no other. */
function productDifference(fields: Fields, expected: ExpectedOf<"products">): string | undefined {
  const { description } = fields;
  const isKnown =
    description === undefined
      ? expected.descriptions.size === 0
      : expected.descriptions.has(text(description));
  return isKnown ? sumsDifference(fields, expected) : `is called ${text(description)}`;
}

function customerDifference(fields: Fields, expected: ExpectedOf<"customers">): string | undefined {
  if (BigInt(Number(fields["lines"])) !== expected.lines)
    return `has ${String(fields["lines"])} lines instead of ${expected.lines}`;
  const countries = JSON.stringify((fields["countries"] as string[]).toSorted());
  const expectedCountries = JSON.stringify([...expected.countries].toSorted());
  if (countries !== expectedCountries) return `is in ${countries} instead of ${expectedCountries}`;
  return fields["lastOrder"] === expected.lastOrder
    ? undefined
    : `ordered last on ${String(fields["lastOrder"])}`;
}

function sorted(fields: Fields): [string, unknown][] {
  return Object.entries(fields).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
