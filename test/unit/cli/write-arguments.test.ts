import { describe, expect, it } from "vitest";
import { UsageError } from "../../../services/cli/errors.ts";
import { valueOf, writeBodyOf } from "../../../services/cli/write-arguments.ts";

describe("the options of put", () => {
  it("become the body of one write", () => {
    expect(
      writeBodyOf({
        set: ["name=Ada", "age=36", 'address={"city":"London"}', "motto=a=b", "empty="],
        unset: ["bio"],
        inc: ["likes=2", "views=-1"],
        add: ["tags=x", "tags=7", "roles=admin"],
        remove: ["tags=y"],
        put: ["preferences.email=true", "preferences.a.b=no"],
        drop: ["preferences.sms", "preferences.fax"],
        raise: ["best=10"],
        lower: ["worst=1"],
        give: ["stock=10"],
        take: ["seats=3", "rooms=1"],
      }),
    ).toEqual({
      set: { name: "Ada", age: 36, address: { city: "London" }, motto: "a=b", empty: "" },
      unset: ["bio"],
      inc: { likes: 2, views: -1 },
      add: { tags: ["x", 7], roles: ["admin"] },
      remove: { tags: ["y"] },
      put: { preferences: { email: true, "a.b": "no" } },
      drop: { preferences: ["sms", "fax"] },
      raise: { best: 10 },
      lower: { worst: 1 },
      give: { stock: 10 },
      take: { seats: 3, rooms: 1 },
    });
  });

  it("may be the body itself", () => {
    expect(writeBodyOf({ json: '{"set":{"name":"Ada"}}' })).toEqual({ set: { name: "Ada" } });
  });

  it("carry a field of any name as a field", () => {
    const body = writeBodyOf({ set: ["__proto__=1", "constructor=2"] }) as { set: object };
    expect(JSON.stringify(body)).toBe('{"set":{"__proto__":1,"constructor":2}}');
  });

  it.each([
    [{}, "nothing to write"],
    [{ set: ["name"] }, "--set takes field=value"],
    [{ set: ["=x"] }, "--set takes field=value"],
    [{ set: ["a=1", "a=2"] }, "--set a is given twice"],
    [{ take: ["stock"] }, "--take takes field=value"],
    [{ take: ["stock=1", "stock=2"] }, "--take stock is given twice"],
    [{ put: ["preferences=1"] }, "--put takes field.entry"],
    [{ put: ["preferences.=1"] }, "--put takes field.entry"],
    [{ drop: ["preferences"] }, "--drop takes field.entry"],
    [{ json: "{" }, "--json is not JSON"],
    [{ json: "{}", set: ["a=1"] }, "can't be combined"],
  ])("are refused: %o", (options, message) => {
    expect(() => writeBodyOf(options)).toThrow(UsageError);
    expect(() => writeBodyOf(options)).toThrow(message);
  });
});

describe("a value", () => {
  it.each([
    ["1", 1],
    ['"1"', "1"],
    ["true", true],
    ["null", null],
    ["Ada Lovelace", "Ada Lovelace"],
    ["[1,", "[1,"],
    ["", ""],
  ])("%s is JSON where it is JSON", (text, value) => {
    expect(valueOf(text)).toEqual(value);
  });
});
