/** What an option can be: how its text is read, what would be right, and what of it may be shown. */

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

export interface Kind<T> {
  /** What is right, as it follows "it must be". */
  readonly expectation: string;
  /** What the file may have besides one text: several, or pairs of names and texts. */
  readonly form: "one" | "list" | "pairs";
  /** Of values: `open` ones are shown, addresses without what is secret in them, secrets never. */
  readonly secrecy: "open" | "address" | "secret";
  /** @returns what the text means, or what is wrong with it, as it follows the option's name. */
  parse(text: string): Parsed<T>;
  /** As it may be logged. */
  show(value: T): string;
}

const QUOTED_LENGTH_MAX = 100;

/** A text as errors show it: on one line, and no longer than a reader needs to know it again. */
export function quote(text: string): string {
  const isLong = text.length > QUOTED_LENGTH_MAX;
  return JSON.stringify(isLong ? `${text.slice(0, QUOTED_LENGTH_MAX)}…` : text);
}

export function isNot(text: string, expectation: string): { readonly problem: string } {
  return { problem: `is ${quote(text)}; it must be ${expectation}` };
}

/** What lists have between commas. */
export function partsOf(text: string): readonly string[] {
  return text.split(",").map((part) => part.trim());
}
