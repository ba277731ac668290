import { describe, expect, it } from "vitest";
import { Mapping, type MappingOptions } from "../../../services/cli/import/mapping.ts";
import type { Source, SourceRow } from "../../../services/cli/import/row.ts";
import type { CollectionSchema } from "../../../services/core/schema.ts";

const SCHEMA: CollectionSchema = {
  fields: {
    displayName: { class: "lww", type: "string" },
    visits: { class: "merge", kind: "counter" },
    old: { class: "lww", deprecated: true },
  },
};

function mappingOf(
  columns: readonly string[] | undefined,
  options: MappingOptions = {},
  keyColumns: string[] = [],
) {
  const reading = { isText: true, isNullValue: false };
  return new Mapping(SCHEMA, { columns, keyColumns, ...reading } as unknown as Source, options);
}

function row(values: SourceRow["values"]): SourceRow {
  return { number: 7, line: 8, place: "7", values };
}

describe("a mapping", () => {
  it("finds fields by their names, and tells what goes nowhere", () => {
    const mapping = mappingOf(["id", "display_name", "Visits", "old", "other", "_line"]);
    expect(mapping.toWrite(row({ id: "ada", display_name: "Ada", Visits: "2", other: "x" }))).toEqual({
      key: "ada",
      operators: { set: { displayName: "Ada" }, inc: { visits: 2 } },
    });
    expect(mapping.leftOut).toEqual(["id", "old", "other"]);
  });

  it("does what it is told, and nothing else", () => {
    const map = ["name=displayName:unset", "n=visits"];
    const mapping = mappingOf(["id", "name", "n", "displayName"], { map });
    expect(mapping.toWrite(row({ id: "ada", name: "yes", n: "1", displayName: "x" })).operators).toEqual({
      inc: { visits: 1 },
      unset: ["displayName"],
    });
  });

  it("makes keys of columns", () => {
    const columns = ["country", "visits"];
    const keyOf = (options: MappingOptions) =>
      mappingOf(columns, options).toWrite(row({ country: "fr", visits: "1" })).key;
    expect(keyOf({ key: "country" })).toBe("fr");
    expect(keyOf({ keyTemplate: "{<country>}/<#>" })).toBe("{fr}/7");
    expect(() => mappingOf(columns, { key: "country" }).toWrite(row({ visits: "1" }))).toThrow(
      "the row has no country",
    );
    expect(mappingOf(columns, {}, ["country"]).toWrite(row({ country: "es", visits: "1" })).key).toBe("es");
  });

  it.each<[readonly string[], MappingOptions, RegExp]>([
    [["visits"], {}, /say what names a record: --key/],
    [["id", "visits"], { key: "no" }, /there is no column "no"; there are id, visits/],
    [["id", "visits"], { key: "id", keyTemplate: "<id>" }, /not from both/],
    [["id", "visits"], { keyTemplate: "id" }, /angle brackets/],
    [["id", "other"], {}, /no column is named like a field/],
    [["id", "n"], { map: ["n=vists"] }, /no field "vists"; it has displayName, visits/],
    [["id", "n"], { map: ["n=visits:set"] }, /takes inc, not set/],
    [["id", "n"], { map: ["m=visits"] }, /there is no column "m"/],
    [["id", "n"], { map: ["visits"] }, /column=field/],
  ])("says what is wrong with its options: %#", (columns, options, why) => {
    expect(() => mappingOf(columns, options)).toThrow(why);
  });

  it("refuses rows without a value, and broken ones", () => {
    const mapping = mappingOf(["id", "visits"]);
    expect(() => mapping.toWrite(row({ id: "ada" }))).toThrow("no value for any field");
    expect(() => mapping.toWrite({ ...row({ id: "ada", visits: "1" }), broken: "it is short" })).toThrow(
      "it is short",
    );
    expect(() => mapping.toWrite(row({ id: "ada", visits: "x" }))).toThrow(
      'column visits: "x" is no whole number',
    );
  });
});
