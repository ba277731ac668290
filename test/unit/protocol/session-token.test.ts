import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_SESSION, type Session } from "../../../services/core/session.ts";
import {
  decodeSession,
  encodeSession,
  InvalidSessionError,
  TOKEN_LENGTH_MAX,
} from "../../../services/protocol/session-token.ts";
import { checkProperty } from "../property.ts";

const SECRET = "a secret of at least thirty-two characters";
const SESSION: Session = { positions: { "0": 41, "3": 7 }, wal: { eu: { "0": 12 }, us: { "3": 4 } } };

const sequences = fc.dictionary(fc.nat({ max: 63 }).map(String), fc.nat({ max: Number.MAX_SAFE_INTEGER }), {
  maxKeys: 5,
  noNullPrototype: true,
});
const session: fc.Arbitrary<Session> = fc.record({
  positions: sequences,
  wal: fc.dictionary(fc.constantFrom("eu", "us", "ap-south-1", "constructor"), sequences, {
    noNullPrototype: true,
  }),
});

/** A session in which every partition was seen, and every region's WAL of every partition. */
function fullSession(partitions: number, regions: number): Session {
  const numbers = Array.from({ length: partitions }, (_, partition) => partition);
  const all = Object.fromEntries(numbers.map((partition) => [partition, 1_000_000_000 + partition]));
  const names = Array.from({ length: regions }, (_, region) => `region-${region}`);
  return { positions: all, wal: Object.fromEntries(names.map((name) => [name, all])) };
}

describe("session token", () => {
  it("gives the session back, and is made of what a header may hold", () => {
    checkProperty(
      fc.property(session, fc.string({ minLength: 1 }), (one, secret) => {
        const token = encodeSession(one, secret);
        expect(token).toMatch(/^[A-Za-z0-9._~:-]+$/);
        expect(decodeSession(token, secret)).toEqual(one);
      }),
    );
    expect(decodeSession(encodeSession(EMPTY_SESSION, SECRET), SECRET)).toEqual(EMPTY_SESSION);
  });

  it("is refused with any one character changed", () => {
    const token = encodeSession(SESSION, SECRET);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.! \u0000é";
    for (let index = 0; index < token.length; index += 1) {
      for (const character of alphabet) {
        if (character === token[index]) continue;
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        expect(() => decodeSession(changed, SECRET), changed).toThrow(InvalidSessionError);
      }
    }
  });

  it("is refused with a signature that only decodes to the same bytes", () => {
    checkProperty(
      fc.property(session, (one) => {
        const token = encodeSession(one, SECRET);
        const respelled = token.replaceAll("-", "+").replaceAll("_", "/");
        if (respelled !== token) expect(() => decodeSession(respelled, SECRET)).toThrow(InvalidSessionError);
        for (const more of ["=", "A", " ", "\n", ".", ".A"])
          expect(() => decodeSession(token + more, SECRET)).toThrow(InvalidSessionError);
      }),
    );
  });

  it("is refused cut short at any place", () => {
    const token = encodeSession(SESSION, SECRET);
    for (let length = 0; length < token.length; length += 1)
      expect(() => decodeSession(token.slice(0, length), SECRET)).toThrow(InvalidSessionError);
  });

  it("of another cluster is refused", () => {
    const token = encodeSession(SESSION, SECRET);
    for (const secret of ["", "another secret", `${SECRET} `, SECRET.toUpperCase()])
      expect(() => decodeSession(token, secret)).toThrow(/changed, or comes from another cluster/);
  });

  it("of other contents is refused although it is signed", () => {
    for (const session of [
      { positions: { "0": -1 }, wal: {} },
      { positions: { "0": 1.5 }, wal: {} },
      { positions: { "12345": 1 }, wal: {} },
      { positions: { a: 1 }, wal: {} },
      { positions: {}, wal: { "EU ": { "0": 1 } } },
      { positions: {}, wal: { eu: { "0": Number.POSITIVE_INFINITY } } },
    ] as Session[])
      expect(() => decodeSession(encodeSession(session, SECRET), SECRET), JSON.stringify(session)).toThrow(
        InvalidSessionError,
      );
  });

  it("of any other text is refused, and so is one that is too long", () => {
    checkProperty(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(() => decodeSession(text, SECRET)).toThrow(InvalidSessionError);
        expect(() => decodeSession(`s1.${text}.AAAAAAAAAAAAAAAA`, SECRET)).toThrow(InvalidSessionError);
      }),
    );
    expect(() => decodeSession("x".repeat(TOKEN_LENGTH_MAX + 1), SECRET)).toThrow(/too long/);
  });

  it("fits its bound with all of 64 partitions and 16 regions", () => {
    const full = fullSession(64, 16);
    const token = encodeSession(full, SECRET);
    expect(decodeSession(token, SECRET)).toEqual(full);
    expect(token.length).toBeLessThanOrEqual(TOKEN_LENGTH_MAX);
  });
});
