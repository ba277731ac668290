/** One row of the schema: an option's names, kind, default and meaning. What a row says is all that the reference, errors and dumps know. */
import type { Kind } from "./kind.ts";

/** In which everything was that says nothing else. */
const FIRST_RELEASE = "0.1.0";

export interface Row<T> {
  /** Of the environment: the key in capitals, with `_` for `.`, after `FOREBAY_`. */
  readonly variable: `FOREBAY_${string}`;
  /** In the file: a name, or a section and a name with a dot between. */
  readonly key: string;
  readonly kind: Kind<T>;
  /** What it is for, in one sentence. */
  readonly summary: string;
  /** The first release that knew it. Default: the first release. */
  readonly since?: string;
  /** When it must be set although it has no value by itself, after "where". */
  readonly neededWhere?: string;
}

/** What came of reading an option: a value, and that value as it may be shown; or what is wrong, after the option's name. */
export type Reading<T> =
  { readonly value: T; readonly shown: string | undefined } | { readonly problem: string };

export interface Option<T> extends Omit<Row<unknown>, "kind" | "since"> {
  readonly kind: Pick<Kind<unknown>, "expectation" | "form" | "secrecy">;
  readonly since: string;
  readonly isRequired: boolean;
  /** What holds where nothing is set; undefined where nothing does. */
  readonly defaultText: string | undefined;
  /** @param text undefined where nothing is set. */
  read(text: string | undefined): Reading<T>;
}

export type ValueOf<O> = O extends Option<infer T> ? T : never;
export type ValuesOf<Options> = { readonly [Name in keyof Options]: ValueOf<Options[Name]> };

/** An option without which no process starts. */
export function required<T>(row: Row<T>): Option<T> {
  const { expectation } = row.kind;
  const missing = { problem: `is not set; it must be ${expectation}` };
  return {
    ...base(row),
    isRequired: true,
    defaultText: undefined,
    read: (text) => read(row, text) ?? missing,
  };
}

/** An option that need not be set, and then has no value. */
export function optional<T>(row: Row<T>): Option<T | undefined> {
  const absent = { value: undefined, shown: undefined };
  return {
    ...base(row),
    isRequired: false,
    defaultText: undefined,
    read: (text) => read(row, text) ?? absent,
  };
}

export function defaulted<T>(row: Row<T> & { readonly otherwise: NoInfer<T> }): Option<T> {
  const { otherwise, kind } = row;
  return computed({ ...row, otherwise: () => otherwise, otherwiseText: kind.show(otherwise) });
}

/** An option whose default depends on the machine; `otherwiseText` says how. */
export function computed<T>(
  row: Row<T> & { readonly otherwise: () => NoInfer<T>; readonly otherwiseText: string },
): Option<T> {
  return {
    ...base(row),
    isRequired: false,
    defaultText: row.otherwiseText,
    read(text) {
      const given = read(row, text);
      if (given !== undefined) return given;
      const value = row.otherwise();
      return { value, shown: row.kind.show(value) };
    },
  };
}

function base<T>({ variable, key, kind, summary, since = FIRST_RELEASE, neededWhere }: Row<T>) {
  const { expectation, form, secrecy } = kind;
  return {
    variable,
    key,
    kind: { expectation, form, secrecy },
    summary,
    since,
    ...(neededWhere === undefined ? {} : { neededWhere }),
  };
}

function read<T>({ kind }: Row<T>, text: string | undefined): Reading<T> | undefined {
  if (text === undefined) return undefined;
  const parsed = kind.parse(text);
  return "problem" in parsed ? parsed : { value: parsed.value, shown: kind.show(parsed.value) };
}

/** Whether the value may be given as the path of a file that holds it, as containers mount secrets. */
export function isTakenFromFile({ kind }: Option<unknown>): boolean {
  return kind.secrecy !== "open";
}
