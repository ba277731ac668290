/** Compares the shop's books with the file, and what each region has in stock with the books. */
import type { Api, Escrows, RegionAddress } from "./api.ts";
import type { Expected, Traffic } from "./expected.ts";
import { inParallel } from "./in-parallel.ts";
import { leftOf, type Book } from "./shop.ts";

type Books = ReadonlyMap<string, Book>;

/** Every unit that is ordered in the file was sold or was not to be had, and every unit that comes back did. */
export function bookDifferences(books: Books, { products }: Pick<Expected, "products">): string[] {
  const differences: string[] = [];
  for (const [product, expected] of products) {
    const difference = bookDifference(books.get(product), expected);
    if (difference !== undefined) differences.push(`product ${product} ${difference}`);
  }
  for (const product of books.keys())
    if (!products.has(product)) differences.push(`product ${product} is not in the file`);
  return differences;
}

function bookDifference(book: Book | undefined, { ordered, returned }: Traffic): string | undefined {
  const accounted = BigInt((book?.sold ?? 0) + (book?.soldOut ?? 0) + (book?.outOfReach ?? 0));
  if (accounted !== ordered) return `has ${accounted} units accounted for instead of ${ordered}`;
  const back = BigInt(book?.returned ?? 0);
  return back === returned ? undefined : `has ${back} units given back instead of ${returned}`;
}

/** @returns what differs from the books in a region, in sentences. */
export async function checkStock(
  api: Pick<Api, "escrows">,
  region: RegionAddress,
  books: Books,
): Promise<string[]> {
  const differences: string[] = [];
  await inParallel([...books], async ([key, book]) => {
    const escrows = await api.escrows(region, { collection: "products", key });
    const difference = stockDifference(escrows?.["stock"], leftOf(book));
    if (difference !== undefined) differences.push(`product ${key} ${difference}`);
  });
  return differences;
}

/** One answer is one moment: rights may still move from region to region, and their sum stays. */
export function stockDifference(escrow: Escrows[string] | undefined, left: number): string | undefined {
  const { value, min, rights } = escrow ?? { value: 0, min: 0, rights: {} };
  if (value !== left) return `has ${value} in stock instead of ${left}`;
  if (value < 0) return `has ${value} in stock, which is below 0`;
  const amounts = Object.values(rights);
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  if (amounts.some((amount) => amount < 0)) return `has rights below 0: ${JSON.stringify(rights)}`;
  return sum + min === value ? undefined : `has ${value} in stock, but rights to ${sum} above ${min}`;
}
