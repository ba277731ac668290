/** What the console's page takes for a key. */
import { expect, it } from "vitest";
import { encodedKeyIn, keyIn } from "../../../services/console/page/model/key.ts";

const KEY = `fb_0123456789abcdef_${"aZ_-".repeat(10)}xyz`;

it.each([
  [KEY, KEY],
  [`  ${KEY}\n`, KEY],
  [`FOREBAY_KEY=${KEY}`, KEY],
  [`export FOREBAY_KEY="${KEY}"`, KEY],
  ["eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"],
  // None of these can stand in a subprotocol's name.
  ["a/b", undefined],
  ["a=b", undefined],
  ["a b", undefined],
  ["ä", undefined],
  ["", undefined],
  ["FOREBAY_KEY=", undefined],
  ["a".repeat(8_193), undefined],
])("of %j", (text, key) => {
  expect(keyIn(text)).toBe(key);
});

it("in an address may be encoded, and what is no encoding is no key", () => {
  expect(encodedKeyIn("a%2Bb")).toBe("a+b");
  for (const broken of ["%", "%E0%A4%A", "a%2Fb"]) expect(encodedKeyIn(broken)).toBeUndefined();
});
