/** Parses CSV as it comes, by RFC 4180, with what other parsers don't tell cheaply: lines, and which empty values were quoted. */

export interface CsvRecord {
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** Null where there is nothing, not even quotes. */
  readonly cells: readonly (string | null)[];
  /** What is wrong with it. */
  readonly broken?: string;
}

const QUOTE = '"';
/** Longer ones are rather a quote that is never closed. */
const RECORD_CHARACTERS_MAX = 4 * 1024 * 1024;

export class CsvParser {
  readonly #delimiter: string;
  #text = "";
  #line = 1;
  #isFirst = true;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  /** @returns records that are complete. @throws when a quote is never closed. */
  push(text: string): CsvRecord[] {
    this.#text += this.#isFirst && text.startsWith("\uFEFF") ? text.slice(1) : text;
    if (text !== "") this.#isFirst = false;
    return this.#take(false);
  }

  /** @returns the rest. @throws when a quote is never closed. */
  end(): CsvRecord[] {
    return this.#take(true);
  }

  #take(isEnd: boolean): CsvRecord[] {
    const records: CsvRecord[] = [];
    let begin = 0;
    while (begin < this.#text.length) {
      const end = this.#endOf(begin, isEnd);
      if (end === undefined) break;
      const text = withoutReturn(this.#text.slice(begin, end));
      const line = this.#line;
      begin = end + 1;
      this.#line += 1 + (text.includes(QUOTE) ? countOf(text, "\n") : 0);
      if (text !== "") records.push({ line, ...this.#cellsOf(text) });
    }
    this.#text = this.#text.slice(begin);
    if (this.#text.length <= RECORD_CHARACTERS_MAX && !(isEnd && this.#text !== "")) return records;
    throw new Error(`the quote of the record at line ${this.#line} is never closed`);
  }

  /** Where the record's line feed is that is in no quotes; undefined as long as it has not come. */
  #endOf(begin: number, isEnd: boolean): number | undefined {
    const text = this.#text;
    let feed = text.indexOf("\n", begin);
    let quotes = countBetween(text, begin, feed === -1 ? text.length : feed);
    while (feed !== -1 && quotes % 2 === 1) {
      const next = text.indexOf("\n", feed + 1);
      quotes += countBetween(text, feed, next === -1 ? text.length : next);
      feed = next;
    }
    if (feed !== -1) return feed;
    return isEnd && quotes % 2 === 0 ? text.length : undefined;
  }

  #cellsOf(text: string): Pick<CsvRecord, "cells" | "broken"> {
    const delimiter = this.#delimiter;
    if (!text.includes(QUOTE))
      return { cells: text.split(delimiter).map((cell) => (cell === "" ? null : cell)) };
    const cells: (string | null)[] = [];
    for (let at = 0; at <= text.length;) {
      if (text[at] !== QUOTE) {
        const next = text.indexOf(delimiter, at);
        const cell = text.slice(at, next === -1 ? text.length : next);
        cells.push(cell === "" ? null : cell);
        at = next === -1 ? text.length + 1 : next + delimiter.length;
        continue;
      }
      const close = closingQuote(text, at + 1);
      cells.push(text.slice(at + 1, close).replaceAll('""', QUOTE));
      at = close + 1;
      if (at < text.length && !text.startsWith(delimiter, at)) {
        return { cells, broken: `something follows the closing quote of value ${cells.length}` };
      }
      at += delimiter.length;
    }
    return { cells };
  }
}

/** The first quote that is not doubled; the end of the text where there is none. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf(QUOTE, from); at !== -1; at = text.indexOf(QUOTE, at + 2)) {
    if (text[at + 1] !== QUOTE) return at;
  }
  return text.length;
}

function countBetween(text: string, begin: number, end: number): number {
  let count = 0;
  for (let at = text.indexOf(QUOTE, begin); at !== -1 && at < end; at = text.indexOf(QUOTE, at + 1))
    count += 1;
  return count;
}

function countOf(text: string, character: string): number {
  return text.split(character).length - 1;
}

function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
