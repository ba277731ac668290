/**
 * The sums that the file itself has, computed without anything of the rest of the demo: its own reading of the lines,
 * its own arithmetic on whole numbers. If the two agree, neither is wrong in the same way.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export interface Sums {
  lines: bigint;
  units: bigint;
  revenuePence: bigint;
}

/** Units that leave the shop, and those that come back. */
export interface Traffic {
  ordered: bigint;
  returned: bigint;
}

export interface Expected {
  readonly lines: number;
  readonly orders: Map<string, Sums & { customer: string; country: string }>;
  readonly products: Map<string, Sums & Traffic & { descriptions: Set<string> }>;
  readonly customers: Map<string, { lines: bigint; countries: Set<string>; lastOrder: string }>;
}

export function computeExpected(path: string): Expected {
  const [, ...rows] = splitRows(gunzipSync(readFileSync(path)).toString("utf8"));
  const expected: Expected = {
    lines: rows.length,
    orders: new Map(),
    products: new Map(),
    customers: new Map(),
  };
  for (const row of rows) addRow(expected, splitFields(row));
  return expected;
}

function addRow(expected: Expected, fields: readonly string[]): void {
  const [invoice, stock, description, quantity, date, price, customerField, country] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const units = BigInt(quantity);
  const [pounds, fraction = ""] = price.split(".") as [string, string?];
  const revenuePence = units * BigInt(pounds + fraction.padEnd(2, "0"));
  const customer = customerField === "" ? "none" : customerField;
  const [day, month, year] = date.split("/") as [string, string, string];
  const iso = [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-");
  const zero = { lines: 0n, units: 0n, revenuePence: 0n };
  const order = getOrAdd(expected.orders, invoice, () => ({ ...zero, customer, country }));
  const product = getOrAdd(expected.products, stock, () => ({
    ...zero,
    ordered: 0n,
    returned: 0n,
    descriptions: new Set<string>(),
  }));
  for (const sums of [order, product]) {
    sums.lines += 1n;
    sums.units += units;
    sums.revenuePence += revenuePence;
  }
  if (units > 0n) product.ordered += units;
  else product.returned -= units;
  if (description !== "") product.descriptions.add(description);
  const person = getOrAdd(expected.customers, customer, () => ({
    lines: 0n,
    countries: new Set<string>(),
    lastOrder: iso,
  }));
  person.lines += 1n;
  person.countries.add(country);
  if (iso > person.lastOrder) person.lastOrder = iso;
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Line ends inside quotes belong to a field. */
function splitRows(text: string): string[] {
  const rows: string[] = [];
  let row = "";
  for (const line of text.split(/\r?\n/)) {
    row = row === "" ? line : `${row}\n${line}`;
    if ((row.split('"').length - 1) % 2 === 1) continue;
    if (row !== "") rows.push(row);
    row = "";
  }
  return rows;
}

/** Whatever stands between two quotes is taken as it is; a doubled quote is one quote. */
function splitFields(row: string): string[] {
  const fields: string[] = [];
  let rest = row;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) throw new Error(`not a row of comma-separated values: ${row}`);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
    rest = rest.slice(match[0].length);
  }
}
