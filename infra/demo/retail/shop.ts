/** Sells order lines from stock, and keeps the books: what was given, sold, given back, and not to be had. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Api } from "./api.ts";
import type { OrderLine } from "./lines.ts";
import { inParallel } from "./in-parallel.ts";
import { givesOf, stockWriteOf } from "./stock.ts";

/** Rights come from other regions in a fraction of a second; while links are cut they may not come at all. */
const TRIES_MAX = 30;
const RETRY_DELAY_MS = 300;
/**
 * What a region hands over to another is missing from its total until the log has it. So that there is too little in all
 * regions is believed when it is said again and again.
 */
const SOLD_OUT_ANSWERS = 3;

/** Units of one product. */
export interface Book {
  given: number;
  sold: number;
  /** Cancelled and corrected: what is negative in the file. */
  returned: number;
  soldOut: number;
  /** Other regions had the rights, and they did not come in time. */
  outOfReach: number;
}

/** Order lines. */
export interface Sales {
  sold: number;
  /** Of those, the ones that were refused before. */
  soldAfterAll: number;
  soldOut: number;
  outOfReach: number;
  returned: number;
}

export interface ShopOptions {
  readonly api: Pick<Api, "write" | "writeHere">;
  readonly regions: readonly string[];
  readonly run: string;
  /** For tests, which don't wait. */
  readonly retryDelayMs?: number;
}

export class Shop {
  /** By product. */
  readonly books = new Map<string, Book>();
  readonly sales: Sales = { sold: 0, soldAfterAll: 0, soldOut: 0, outOfReach: 0, returned: 0 };
  readonly #options: ShopOptions;

  constructor(options: ShopOptions) {
    this.#options = options;
  }

  /** What is given can be taken once the log has carried it. */
  async open(stock: ReadonlyMap<string, number>): Promise<void> {
    await inParallel(givesOf(stock, this.#options), async (write) => {
      await this.#options.api.write(write);
      this.#book(write.key).given += stock.get(write.key)!;
    });
  }

  /** @returns whether stock was taken or given back. */
  async serve(line: OrderLine): Promise<boolean> {
    const { stockCode, quantity } = line;
    const write = stockWriteOf(line, this.#options);
    if (write === undefined) return false;
    const book = this.#book(stockCode);
    if (quantity < 0) {
      await this.#options.api.write(write);
      book.returned -= quantity;
      this.sales.returned += 1;
      return true;
    }
    const { outcome, tries } = await this.#sell(quantity, () => this.#options.api.writeHere(write));
    book[outcome] += quantity;
    this.sales[outcome] += 1;
    if (outcome === "sold" && tries > 1) this.sales.soldAfterAll += 1;
    return outcome === "sold";
  }

  async #sell(
    quantity: number,
    attempt: () => ReturnType<Api["writeHere"]>,
  ): Promise<{ outcome: "sold" | "soldOut" | "outOfReach"; tries: number }> {
    const { retryDelayMs = RETRY_DELAY_MS } = this.#options;
    let soldOutAnswers = 0;
    for (let tries = 1; ; tries += 1) {
      const left = await attempt();
      if (left === undefined) return { outcome: "sold", tries };
      soldOutAnswers = left.total < quantity ? soldOutAnswers + 1 : 0;
      if (soldOutAnswers === SOLD_OUT_ANSWERS) return { outcome: "soldOut", tries };
      if (tries === TRIES_MAX) return { outcome: "outOfReach", tries };
      await sleep(retryDelayMs * (0.5 + Math.random()));
    }
  }

  #book(product: string): Book {
    let book = this.books.get(product);
    if (book === undefined) {
      book = { given: 0, sold: 0, returned: 0, soldOut: 0, outOfReach: 0 };
      this.books.set(product, book);
    }
    return book;
  }
}

/** What must be left of a product. */
export function leftOf({ given, sold, returned }: Book): number {
  return given - sold + returned;
}

export function formatSales({ sold, soldAfterAll, soldOut, outOfReach, returned }: Sales): string {
  return [
    `${sold} order lines sold from stock`,
    `${soldAfterAll} of them after they were refused for want of rights in their region`,
    `${soldOut} sold out`,
    `${outOfReach} out of reach`,
    `${returned} given back`,
  ].join(", ");
}
