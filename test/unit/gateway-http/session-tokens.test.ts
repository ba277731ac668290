/** A process remembers the tokens that it has handed out last: it must read them as any other process does, and no others. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeSessions, seenPosition, seenWal, type Session } from "../../../services/core/session.ts";
import { SessionTokens, TOKENS_REMEMBERED_MIN } from "../../../services/gateway/http/session-tokens.ts";
import { InvalidSessionError } from "../../../services/protocol/session-token.ts";
import { checkProperty } from "../property.ts";

const SECRET = "a secret of at least thirty-two characters";

const session: fc.Arbitrary<Session> = fc
  .tuple(fc.nat({ max: 9 }), fc.nat(), fc.constantFrom("eu", "us"), fc.nat())
  .map(([partition, position, region, sequence]) =>
    mergeSessions(seenPosition(partition, position), seenWal(region, partition, sequence)),
  );

describe("tokens that were handed out", () => {
  it("are read as another process reads them, one or several", () => {
    checkProperty(
      fc.property(fc.array(session, { minLength: 1, maxLength: 5 }), (sessions) => {
        const own = new SessionTokens(SECRET);
        const tokens = sessions.map((one) => own.encode(one)).join(", ");
        expect(own.decode(tokens)).toEqual(new SessionTokens(SECRET).decode(tokens));
      }),
    );
  });

  it("are refused with any one character changed, or by another secret", () => {
    const own = new SessionTokens(SECRET);
    const text = own.encode(seenWal("eu", 0, 41));
    for (let index = 0; index < text.length; index += 1) {
      const changed = text.slice(0, index) + (text[index] === "A" ? "B" : "A") + text.slice(index + 1);
      expect(() => own.decode(changed), changed).toThrow(InvalidSessionError);
    }
    expect(() => new SessionTokens(`${SECRET} `).decode(text)).toThrow(InvalidSessionError);
  });

  it("are remembered, and forgotten from the oldest on, which are read all the same", () => {
    const own = new SessionTokens(SECRET);
    const length = 2 * TOKENS_REMEMBERED_MIN + 1;
    const sessions = Array.from({ length }, (_, index) => seenWal("eu", 0, index));
    const texts = sessions.map((one) => own.encode(one));
    // The same object: it was not read.
    expect(own.decode(texts.at(-TOKENS_REMEMBERED_MIN)!)).toBe(sessions.at(-TOKENS_REMEMBERED_MIN));
    expect(own.decode(texts.at(-1)!)).toBe(sessions.at(-1));
    expect(own.decode(texts[0]!)).not.toBe(sessions[0]);
    expect(own.decode(texts[0]!)).toEqual(sessions[0]);
  });

  it("are not remembered where they are long", () => {
    const own = new SessionTokens(SECRET);
    const seen = Array.from({ length: 300 }, (_, index) =>
      seenWal(`region-${index % 16}`, Math.floor(index / 16), 1e9 + index),
    );
    const long = seen.reduce(mergeSessions);
    const text = own.encode(long);
    expect(own.decode(text)).not.toBe(long);
    expect(own.decode(text)).toEqual(long);
  });
});
