/** What fields there are: each says its schema, and by its type what reads show of it and which operators it takes. */

/** As `PUT /v1/collections/{c}` takes it. */
export interface FieldBody {
  readonly class: "lww" | "merge" | "authoritative";
  readonly [member: string]: unknown;
}

/**
 * @typeParam Shown of reads.
 * @typeParam Takes by operator, the argument of it.
 * @typeParam Always whether reads show it also where nothing was written.
 */
export interface Field<Shown = unknown, Takes = object, Always extends boolean = boolean> {
  readonly body: FieldBody;
  /** For the compiler alone: it is never there. */
  readonly "~types"?: { readonly shown: Shown; readonly takes: Takes; readonly always: Always };
}

interface AnyOptions {
  /** New writes are refused; what is there stays to be read. */
  readonly deprecated?: boolean;
  /** `list({ where })` finds records by it. */
  readonly index?: boolean;
}

export interface LwwOptions<Value> extends AnyOptions {
  /** What is shown where nothing is set. */
  readonly default?: Value;
}

export interface AuthoritativeOptions<Value> extends LwwOptions<Value> {
  /** No two records of the collection have the same value; all of them are in one partition then. */
  readonly unique?: boolean;
  /** Once set, it stays. */
  readonly immutable?: boolean;
}

export interface NumberOptions<Value> extends AuthoritativeOptions<Value> {
  /** Inclusive. */
  readonly min?: number;
  readonly max?: number;
}

type HasDefault<Options> = Options extends { readonly default: unknown } ? true : false;
type Settable<Value> = { readonly set: Value; readonly unset: true };
type Summable<Options> = Options extends { readonly unique: true }
  ? Settable<number>
  : Settable<number> & { readonly inc: number };
type LwwField<Value, Options> = Field<Value, Settable<Value>, HasDefault<Options>>;

function lwwOf<Value>(type: string) {
  return <const Options extends LwwOptions<Value> = object>(options?: Options): LwwField<Value, Options> => ({
    body: { class: "lww", type, ...options },
  });
}

/** The newest write wins; a concurrent loser is kept as a conflict. A region accepts it alone. */
export const lww = {
  string: lwwOf<string>("string"),
  integer: lwwOf<number>("integer"),
  number: lwwOf<number>("number"),
  boolean: lwwOf<boolean>("boolean"),
  /** Any JSON value; its type is promised, not checked. */
  json: <Value>(options: AnyOptions = {}): Field<Value, Settable<Value>, false> => ({
    body: { class: "lww", type: "json", ...options },
  }),
};

function mergeOf(kind: string, options: object = {}): { readonly body: FieldBody } {
  return { body: { class: "merge", kind, ...options } };
}

/** The sum of all increments. */
export function counter(options?: AnyOptions): Field<number, { readonly inc: number }, false> {
  return mergeOf("counter", options);
}

type Elements<Element> = { readonly add: readonly Element[]; readonly remove: readonly Element[] };

/** Elements; a removal takes the additions that its region has seen. */
export function set<Element extends string | number | boolean = string>(
  options?: AnyOptions,
): Field<readonly Element[], Elements<Element>, false> {
  return mergeOf("set", options);
}

type Entries<Value> = { readonly [entry: string]: Value };

/** Entries, of which each is last-write-wins. */
export function map<Value = unknown>(
  options?: AnyOptions,
): Field<Entries<Value>, { readonly put: Entries<Value>; readonly drop: readonly string[] }, false> {
  return mergeOf("map", options);
}

/** Concurrent values are all shown, until one write has seen them. */
export function register<Value = unknown>(
  options?: AnyOptions,
): Field<readonly Value[], { readonly set: Value }, false> {
  return mergeOf("register", options);
}

/** The highest value that was ever raised to. */
export function max(options?: AnyOptions): Field<number, { readonly raise: number }, false> {
  return mergeOf("max", options);
}

/** The lowest value that was ever lowered to. */
export function min(options?: AnyOptions): Field<number, { readonly lower: number }, false> {
  return mergeOf("min", options);
}

/** A number that never goes below `min` (0), of which every region takes by rights of its own. */
export function escrow(
  options?: AnyOptions & { readonly min?: number },
): Field<number, { readonly give: number; readonly take: number }, true> {
  return mergeOf("escrow", options);
}

function authoritativeOf<Value>(type: string) {
  return <const Options extends AuthoritativeOptions<Value> = object>(
    options?: Options,
  ): LwwField<Value, Options> => ({ body: { class: "authoritative", type, ...options } });
}

type States = { readonly [state: string]: readonly string[] };
type StateOf<Transitions extends States> =
  (keyof Transitions & string) | Transitions[keyof Transitions][number];

/** The log decides, under the field's rules, in the same way everywhere. */
export const authoritative = {
  string: authoritativeOf<string>("string"),
  boolean: authoritativeOf<boolean>("boolean"),
  number: <const Options extends NumberOptions<number> = object>(
    options?: Options,
  ): LwwField<number, Options> => ({ body: { class: "authoritative", type: "number", ...options } }),
  /** It can be added to, unless it is unique. */
  integer: <const Options extends NumberOptions<number> = object>(
    options?: Options,
  ): Field<number, Summable<Options>, HasDefault<Options>> => ({
    body: { class: "authoritative", type: "integer", ...options },
  }),
  /** Any JSON value; its type is promised, not checked. */
  json: <Value>(options: AuthoritativeOptions<Value> = {}): Field<Value, Settable<Value>, false> => ({
    body: { class: "authoritative", type: "json", ...options },
  }),
  /**
   * @param states from each state, those that may follow it.
   * @param options `initial` is what a record has that was never given one.
   */
  states: <
    const Transitions extends States,
    const Options extends AnyOptions & { readonly initial?: StateOf<NoInfer<Transitions>> } = object,
  >(
    states: Transitions,
    options?: Options,
  ): Field<
    StateOf<Transitions>,
    Settable<StateOf<Transitions>>,
    Options extends { readonly initial: string } ? true : false
  > => ({ body: { class: "authoritative", type: "string", states, ...options } }),
};
