/** What a client has seen is not forgotten, however its requests overlap; and what it carries stays small. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Session, sessionHeader } from "../../../services/client/session/session.ts";
import { coverageOf, coveringTokens, readToken } from "../../../services/client/session/token.ts";
import {
  EMPTY_SESSION,
  mergeSessions,
  seenPosition,
  seenWal,
  type Session as Seen,
} from "../../../services/core/session.ts";
import {
  decodeSession,
  decodeSessions,
  encodeSession,
  TOKEN_LENGTH_MAX,
} from "../../../services/protocol/session-token.ts";
import { checkProperty } from "../property.ts";
import { accepted, problem, SimulatedWorld } from "./simulated.ts";
import { collected, LIKE, postsOf } from "./together.ts";

const SECRET = "a secret of at least thirty-two characters";
const decode = (token: string): Seen => decodeSession(token, SECRET);

const sequences = fc.dictionary(fc.nat({ max: 3 }).map(String), fc.nat({ max: 40 }), {
  maxKeys: 3,
  noNullPrototype: true,
});
const anySession: fc.Arbitrary<Seen> = fc.record({
  positions: sequences,
  wal: fc.dictionary(fc.constantFrom("eu", "us", "ap-south-1"), sequences, { noNullPrototype: true }),
});

function coversAll(tokens: readonly string[], session: Seen): boolean {
  const merged = tokens.map((token) => decodeSession(token, SECRET)).reduce(mergeSessions, EMPTY_SESSION);
  return isCovered(session, merged);
}

function covering(tokens: readonly string[]): string[] {
  return coveringTokens(tokens.map(readToken)).map(({ token }) => token);
}

function isCovered(session: Seen, by: Seen): boolean {
  const within = (one: object, other: object | undefined) =>
    Object.entries(one).every(
      ([place, value]) => (value as number) <= (((other ?? {}) as never)[place] ?? 0),
    );
  const regions = Object.entries(session.wal);
  return within(session.positions, by.positions) && regions.every(([name, wal]) => within(wal, by.wal[name]));
}

describe("the tokens that are kept", () => {
  it("cover what all of them do, with no more than one per place", () => {
    checkProperty(
      fc.property(fc.array(anySession, { maxLength: 12 }), (sessions) => {
        const tokens = sessions.map((session) => encodeSession(session, SECRET));
        const kept = covering(tokens);
        expect(coversAll(kept, sessions.reduce(mergeSessions, EMPTY_SESSION))).toBe(true);
        const places = new Set(tokens.flatMap((token) => [...coverageOf(token)!.keys()]));
        expect(kept.length).toBeLessThanOrEqual(places.size);
      }),
    );
  });

  it("are kept as they are where their version is not known", () => {
    const token = encodeSession(seenWal("eu", 0, 4), SECRET);
    expect(covering(["s2.what-comes-later", token])).toEqual(["s2.what-comes-later", token]);
  });
});

/** A request begins, or the one begun longest ago, or last, is answered. */
const anySteps = fc.array(fc.constantFrom("begin", "begin", "first", "last"), { maxLength: 60 });

describe("a session of requests side by side", () => {
  it("covers every answer that came, and stays one token for a region and partition", () => {
    checkProperty(
      fc.property(anySteps, fc.nat({ max: 3 }), (steps, partitions) => {
        const session = new Session();
        const begun: ReturnType<Session["carry"]>[] = [];
        let seen = EMPTY_SESSION;
        let sequence = 0;
        for (const step of steps) {
          if (step === "begin") begun.push(session.carry());
          const carried = step === "first" ? begun.shift() : step === "last" ? begun.pop() : undefined;
          if (carried === undefined) continue;
          sequence += 1;
          const own = seenWal("eu", sequence % (partitions + 1), sequence);
          const header = sessionHeader(carried);
          const before = header === "" ? EMPTY_SESSION : decodeSessions(header, decode);
          session.seen(encodeSession(mergeSessions(before, own), SECRET), carried);
          seen = mergeSessions(seen, own);
        }
        const { tokens } = session.carry();
        expect(coversAll(tokens, seen)).toBe(true);
        expect(tokens.length).toBeLessThanOrEqual(partitions + 1);
      }),
    );
  });

  it("is carried by requests that regions take, however much it is, and by a read as a whole", async () => {
    // Answers to requests side by side, each of which has seen something in a partition that the others have not.
    const partitions = Array.from({ length: 64 }, (_, partition) => partition);
    const common = partitions
      .flatMap((partition) => [seenPosition(partition, 1e9), seenWal("eu", partition, 1e9)])
      .reduce(mergeSessions);
    const sessions = partitions.map((partition) => mergeSessions(common, seenPosition(partition, 1e9 + 1)));
    const carried: Seen[] = [];
    const world = new SimulatedWorld(({ headers, method }) => {
      const header = headers["forebay-session"]!;
      expect(header.length).toBeLessThan(TOKEN_LENGTH_MAX);
      carried.push(decodeSessions(header, decode));
      const session = encodeSession(carried.at(-1)!, SECRET);
      if (method !== "GET") return accepted("eu", session);
      return { body: { key: "a", fields: {}, version: "1", session } };
    });
    const records = postsOf(world, {
      session: sessions.map((session) => encodeSession(session, SECRET)).join(","),
    });
    await world.until(records.write("a", LIKE));
    expect(world.requests.length).toBe(1);
    await world.until(records.get("a"));
    expect(isCovered(sessions.reduce(mergeSessions), carried.at(-1)!)).toBe(true);
    const { length } = carried;
    expect(length).toBeGreaterThan(2);
    await world.until(records.get("a"));
    expect(carried.length).toBe(length + 1);
  });

  it("is carried as a whole by what the log decides, behind reads that make it small, or is refused", async () => {
    const sessions = Array.from({ length: 64 }, (_, partition) => seenWal("eu", partition, 1e9 + partition));
    const padding = Array.from({ length: 64 }, (_, partition) => seenPosition(partition, 1e9)).reduce(
      mergeSessions,
    );
    const exported = sessions
      .map((session) => encodeSession(mergeSessions(padding, session), SECRET))
      .join(",");
    const changes: Seen[] = [];
    const world = new SimulatedWorld(({ headers, method }) => {
      const header = headers["forebay-session"]!;
      if (header.length > TOKEN_LENGTH_MAX) return problem("invalid-session", 400, { retry: "never" });
      const seen = decodeSessions(header, decode);
      const session = encodeSession(seen, SECRET);
      if (method !== "GET") changes.push(seen);
      return method === "GET" ? { body: { records: [], session } } : accepted("eu", session);
    });
    const decided = { set: { status: "paid" } };
    const unread = postsOf(world, { session: exported });
    await expect(world.until(unread.write("a", decided))).rejects.toMatchObject({ code: "invalid-session" });
    await world.until(collected(unread.list()));
    await world.until(unread.write("a", decided));
    const other = postsOf(world, { session: exported });
    void other.list().next();
    await world.until(other.write("a", decided));
    expect(changes.length).toBe(2);
    for (const seen of changes) expect(isCovered(sessions.reduce(mergeSessions), seen)).toBe(true);
  });

  it("takes nothing back that was cleared", () => {
    const session = new Session();
    const carried = session.carry();
    session.clear();
    session.seen(encodeSession(seenWal("eu", 0, 1), SECRET), carried);
    expect(session.export()).toBe("");
  });

  it("goes on elsewhere with what was exported", () => {
    const one = new Session();
    one.import(encodeSession(seenWal("eu", 0, 5), SECRET));
    const other = new Session();
    other.import(encodeSession(seenWal("us", 0, 2), SECRET));
    other.import(one.export());
    expect(coversAll(other.carry().tokens, { positions: {}, wal: { eu: { 0: 5 }, us: { 0: 2 } } })).toBe(
      true,
    );
  });
});
