/** What compiles and what does not: the compiler is the test, as every error that is expected here has to be one. */
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  authoritative,
  counter,
  defineCollection,
  escrow,
  ForebayError,
  isForebayError,
  lww,
  map,
  max,
  min,
  register,
  set,
  type Fields,
  type FieldValues,
  type Write,
} from "../../../services/client/index.ts";
import { planWrite } from "../../../services/core/accept/write.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";
import { CollectionSchemaBody } from "../../../services/protocol/collection.ts";
import { Compile } from "typebox/compile";

const users = defineCollection("users", {
  displayName: lww.string(),
  city: lww.string({ default: "nowhere" }),
  address: lww.json<{ street: string }>(),
  likes: counter(),
  tags: set(),
  numbers: set<number>(),
  preferences: map<boolean>(),
  bio: register<string>(),
  highest: max(),
  lowest: min(),
  stock: escrow({ min: 0 }),
  email: authoritative.string({ unique: true }),
  credit: authoritative.integer({ min: 0 }),
  number: authoritative.integer({ unique: true }),
  status: authoritative.states({ pending: ["paid", "cancelled"], paid: ["shipped"] }, { initial: "pending" }),
});

type UserWrite = Write<(typeof users)["fields"]>;
const write = (body: UserWrite): UserWrite => body;
type Status = "pending" | "paid" | "cancelled" | "shipped";

describe("what reads show", () => {
  it("is typed by the fields; what always has a value is never undefined", () => {
    type User = FieldValues<(typeof users)["fields"]>;
    expectTypeOf<User["displayName"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<User["city"]>().toEqualTypeOf<string>();
    expectTypeOf<User["address"]>().toEqualTypeOf<{ street: string } | undefined>();
    expectTypeOf<User["likes"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<User["tags"]>().toEqualTypeOf<readonly string[] | undefined>();
    expectTypeOf<User["bio"]>().toEqualTypeOf<readonly string[] | undefined>();
    expectTypeOf<User["preferences"]>().toEqualTypeOf<{ readonly [entry: string]: boolean } | undefined>();
    expectTypeOf<User["stock"]>().toEqualTypeOf<number>();
    expectTypeOf<User["status"]>().toEqualTypeOf<Status>();
  });
});

describe("operators", () => {
  it("compile for the fields that take them", () => {
    write({ set: { displayName: "Ada", bio: "x", email: "a@b", status: "paid" }, unset: ["city", "email"] });
    write({ inc: { likes: 1, credit: -5 }, add: { tags: ["a"], numbers: [1] }, remove: { tags: ["b"] } });
    write({ put: { preferences: { dark: true } }, drop: { preferences: ["light"] } });
    write({ raise: { highest: 3 }, lower: { lowest: 1 }, give: { stock: 2 } });
    write({ take: { stock: 1 }, inc: { likes: 1 } });
    write({ set: { status: "paid" }, if: { fields: { status: "pending", email: null } } });
    write({ set: { displayName: "Ada" }, if: { version: "17" }, fence: { lease: "a", token: "1" } });
    users.change("ada", { inc: { credit: -5 }, if: { fields: { credit: 5 } } });
    users.require("ada", { fields: { status: "paid" } });
  });

  it("don't compile for others", () => {
    // @ts-expect-error a name is not counted
    write({ inc: { displayName: 1 } });
    // @ts-expect-error a counter is not set
    write({ set: { likes: 1 } });
    // @ts-expect-error a unique number has no sum that could be looked up
    write({ inc: { number: 1 } });
    // @ts-expect-error sets are added to
    write({ put: { tags: { a: 1 } } });
    // @ts-expect-error elements are strings
    write({ add: { tags: [1] } });
    // @ts-expect-error elements are numbers
    write({ add: { numbers: ["1"] } });
    // @ts-expect-error a counter is not unset
    write({ unset: ["likes"] });
    // @ts-expect-error there is no such state
    write({ set: { status: "lost" } });
    // @ts-expect-error there is no such field
    write({ set: { name: "Ada" } });
    // @ts-expect-error there is no such operator
    write({ append: { tags: ["a"] } });
    // @ts-expect-error entries are booleans
    write({ put: { preferences: { dark: "yes" } } });
    // @ts-expect-error the log can't take from an escrow
    write({ take: { stock: 1 }, if: { version: "1" } });
    // @ts-expect-error nor in a transaction
    users.change("ada", { take: { stock: 1 } });
    // @ts-expect-error conditions are on values that the field can have
    write({ set: { status: "paid" }, if: { fields: { status: 7 } } });
    // @ts-expect-error the first state is one of the states
    authoritative.states({ open: ["closed"] }, { initial: "lost" });
    // @ts-expect-error a default is a value of the field
    lww.string({ default: 7 });
    const counters = defineCollection("counters", { likes: counter() });
    // @ts-expect-error no field of the collection can be set
    counters.change("a", { set: { likes: 1 } });
    expect(counters.name).toBe("counters");
  });

  it("that compile are those that the core takes: each is refused there where it is refused here", () => {
    const schema = users.schema as unknown as CollectionSchema;
    expect(() => planWrite(schema, write({ add: { numbers: [1] }, take: { stock: 1 } }))).not.toThrow();
    expect(() => planWrite(schema, { inc: { displayName: 1 } })).toThrow("not inc");
    expect(() => planWrite(schema, { inc: { number: 1 } })).toThrow("not inc");
  });
});

describe("errors", () => {
  it("are narrowed by code", () => {
    const problem = { code: "insufficient", status: 409, retry: "same", detail: "x" } as const;
    const error: unknown = new ForebayError({ ...problem, left: { here: 1, total: 2 } });
    if (!isForebayError(error, "insufficient")) throw error;
    expectTypeOf(error.left).toEqualTypeOf<{ readonly here: number; readonly total: number }>();
    expectTypeOf(error.code).toEqualTypeOf<"insufficient">();
    expect(error.left.total).toBe(2);
  });
});

describe("the schema of a declaration", () => {
  it("is one that PUT /v1/collections takes, for every kind of field and every option", () => {
    const every: Fields = {
      ...users.fields,
      a: lww.integer({ deprecated: true }),
      b: lww.number(),
      c: lww.boolean({ default: true }),
      d: authoritative.number({ min: 0, max: 9 }),
      e: authoritative.boolean({ immutable: true }),
      f: authoritative.json<{ a: 1 }>(),
    };
    const { schema } = defineCollection("every", every, { ttlMs: 1_000, tombstoneRetentionMs: 2_000 });
    expect([...Compile(CollectionSchemaBody).Errors(schema)]).toEqual([]);
    expect(schema).toMatchObject({ partitionBy: "collection", ttlMs: 1_000 });
    expect(schema.fields["city"]).toEqual({ class: "lww", type: "string", default: "nowhere" });
  });
});
