/** The order lines of the file, as they are: cancellations, corrections, odd stock codes, zero prices and all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { packageRoot } from "../../../services/runtime/package-root.ts";

export interface OrderLine {
  /** Counted from 1; the header is not a line. */
  readonly number: number;
  readonly invoice: string;
  readonly stockCode: string;
  readonly description: string;
  /** Negative in cancellations and corrections. */
  readonly quantity: number;
  /** Day in ISO form. */
  readonly day: string;
  readonly unitPricePence: number;
  /** Undefined where the file has none. */
  readonly customer: string | undefined;
  readonly country: string;
}

export const FILE = join(packageRoot(), "infra/demo/retail/online-retail-10k.csv.gz");

export function readLines(path: string = FILE): OrderLine[] {
  const text = gunzipSync(readFileSync(path)).toString("utf8");
  const rows = parse(text, { columns: true, skip_empty_lines: true }) as Record<string, string>[];
  return rows.map((row, index) => toLine(row, index + 1));
}

function toLine(row: Record<string, string>, number: number): OrderLine {
  return {
    number,
    invoice: required(row, "InvoiceNo", number),
    stockCode: required(row, "StockCode", number),
    description: row["Description"] ?? "",
    quantity: wholeNumber(required(row, "Quantity", number), number),
    day: isoDay(required(row, "InvoiceDate", number), number),
    unitPricePence: pence(required(row, "UnitPrice", number), number),
    customer: row["CustomerID"] === "" ? undefined : row["CustomerID"],
    country: required(row, "Country", number),
  };
}

function required(row: Record<string, string>, column: string, number: number): string {
  const value = row[column];
  if (value === undefined || value === "") throw new Error(`line ${number} has no ${column}`);
  return value;
}

function wholeNumber(text: string, number: number): number {
  if (!/^-?\d+$/.test(text)) throw new Error(`line ${number}: ${text} is no whole number`);
  return Number(text);
}

/** Without floating point: 2.55 is 255 pence, not 254.99999999999997. */
function pence(text: string, number: number): number {
  const match = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(text);
  if (match === null) throw new Error(`line ${number}: ${text} is no price in pounds and pence`);
  const [, sign, pounds, fraction = ""] = match;
  const amount = Number(pounds) * 100 + Number(fraction.padEnd(2, "0"));
  return sign === "-" ? -amount : amount;
}

function isoDay(text: string, number: number): string {
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text);
  if (match === null) throw new Error(`line ${number}: ${text} is no date`);
  const [, day, month, year] = match as unknown as [string, string, string, string];
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
}
