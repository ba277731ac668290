/** Kinds of options that are looked at by themselves: numbers, words, names, switches and lists. */
import { isIP } from "node:net";
import { isNot, partsOf, quote, type Kind } from "./kind.ts";

const TEXT_LENGTH_MAX = 1_000;
const HOST_NAME = /^(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i;

export interface IntegerBounds {
  readonly minimum: number;
  readonly maximum: number;
  /** What is counted, such as `seconds`. */
  readonly unit?: string;
}

/** Digits may be grouped with `_`. */
export function integer({ minimum, maximum, unit }: IntegerBounds): Kind<number> {
  const expectation = `a whole number from ${minimum} to ${maximum}${unit === undefined ? "" : ` (${unit})`}`;
  return {
    expectation,
    form: "one",
    secrecy: "open",
    parse(text) {
      const digits = text.replaceAll("_", "");
      const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
      return value >= minimum && value <= maximum ? { value } : isNot(text, expectation);
    },
    show: String,
  };
}

/** A text without control characters. */
export function text(expectation: string): Kind<string> {
  return matching(expectation, (candidate) => !/\p{Cc}/u.test(candidate));
}

/** A text that passes a check of its own. */
export function matching(expectation: string, isRight: (text: string) => boolean): Kind<string> {
  return {
    expectation,
    form: "one",
    secrecy: "open",
    parse: (candidate) =>
      candidate.length <= TEXT_LENGTH_MAX && isRight(candidate)
        ? { value: candidate }
        : isNot(candidate, expectation),
    show: (value) => value,
  };
}

/** Where a server listens. */
export const host = matching(
  "an IP address or a host name, without scheme and port",
  (candidate) => isIP(candidate) !== 0 || HOST_NAME.test(candidate),
);

export function choice<const T extends string>(choices: readonly T[]): Kind<T> {
  const expectation = `one of ${choices.join(", ")}`;
  return {
    expectation,
    form: "one",
    secrecy: "open",
    parse(text) {
      const value = choices.find((known) => known === text);
      return value === undefined ? isNot(text, expectation) : { value };
    },
    show: (value) => value,
  };
}

/** @param words what switches it on, and what off; the file may say `true` and `false` as well. */
export function flag(words: { readonly on: string; readonly off: string }): Kind<boolean> {
  const expectation = `one of ${words.on}, ${words.off}`;
  const values = new Map([
    [words.on, true],
    [words.off, false],
    ["true", true],
    ["false", false],
  ]);
  return {
    expectation,
    form: "one",
    secrecy: "open",
    parse(text) {
      const value = values.get(text);
      return value === undefined ? isNot(text, expectation) : { value };
    },
    show: (value) => (value ? words.on : words.off),
  };
}

/** Some of what there is, in its order whatever the order they are listed in. */
export function someOf<T extends string>(choices: readonly T[]): Kind<readonly T[]> {
  const known: readonly string[] = choices;
  return {
    expectation: `a list of some of ${choices.join(", ")}`,
    form: "list",
    secrecy: "open",
    parse(text) {
      const parts = partsOf(text);
      const unknown = parts.filter((part) => !known.includes(part));
      if (unknown.length === 0) return { value: choices.filter((one) => parts.includes(one)) };
      return { problem: `has ${quote(unknown.join(", "))}; it must list some of ${choices.join(", ")}` };
    },
    show: (value) => value.join(","),
  };
}

/** @param expectation follows "a list of". */
export function listOf(expectation: string, isRight: (part: string) => boolean): Kind<readonly string[]> {
  return {
    expectation: `a list of ${expectation}`,
    form: "list",
    secrecy: "open",
    parse(text) {
      const parts = partsOf(text);
      const wrong = parts.filter((part) => !isRight(part));
      if (wrong.length === 0) return { value: parts };
      return { problem: `has ${quote(wrong.join(", "))}; it must list ${expectation}` };
    },
    show: (value) => value.join(","),
  };
}

/** `name=number,name=number`; digits may be grouped with `_`. */
export function numbersByName(rules: {
  readonly example: string;
  readonly maximum: number;
  readonly isName: (name: string) => boolean;
}): Kind<ReadonlyMap<string, number>> {
  const { example, maximum, isName } = rules;
  return {
    expectation: `a list like ${example}, with whole numbers from 0 to ${maximum}`,
    form: "pairs",
    secrecy: "open",
    parse(text) {
      const value = new Map<string, number>();
      for (const part of partsOf(text)) {
        const [, name = "", grouped = ""] = /^([^=]*?)\s*=\s*([\d_]{1,30})$/.exec(part) ?? [];
        const digits = grouped.replaceAll("_", "");
        if (digits === "" || !isName(name) || Number(digits) > maximum)
          return {
            problem: `has ${quote(part)}; it must be like ${example}, with whole numbers from 0 to ${maximum}`,
          };
        value.set(name, Number(digits));
      }
      return { value };
    },
    show: (value) => [...value].map(([name, number]) => `${name}=${number}`).join(","),
  };
}
