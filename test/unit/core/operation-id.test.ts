import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idempotentOperationId, uuidOf } from "../../../services/core/operation-id.ts";
import { checkProperty } from "../property.ts";

const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const line = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", ""));
const request = fc.tuple(line, line);

describe("operation ids", () => {
  it("are UUIDs of version 8, whatever they are made of", () => {
    checkProperty(
      fc.property(fc.array(fc.string({ unit: "binary" })), (parts) => {
        expect(uuidOf(...parts)).toMatch(UUID_8);
      }),
    );
  });

  it("never change: a retry after an upgrade must still be known", () => {
    expect(uuidOf()).toMatchInlineSnapshot(`"e3b0c442-98fc-8c14-9afb-f4c8996fb924"`);
    expect(uuidOf("a", "b")).toMatchInlineSnapshot(`"7e18f737-311b-8dc3-b2f2-69dd78396b03"`);
    expect(idempotentOperationId("default", "key-1")).toMatchInlineSnapshot(
      `"c1da82d4-6051-8d35-9dd0-7e147946ff09"`,
    );
    expect(idempotentOperationId("default", "ключ 😀")).toMatchInlineSnapshot(
      `"aa43da2c-eef0-8f2e-ab68-fcfcdb54710a"`,
    );
  });

  it("are the same for the same request, and differ by tenant and by key", () => {
    checkProperty(
      fc.property(request, request, (one, other) => {
        const id = idempotentOperationId(...one);
        expect(idempotentOperationId(...one)).toBe(id);
        expect(idempotentOperationId(...other) === id).toBe(one.join("\n") === other.join("\n"));
      }),
    );
  });
});
