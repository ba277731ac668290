import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ProposeEntry } from "../../../services/core/entry.ts";
import { operatorsOf } from "../../../services/core/fields/index.ts";
import { CHANGE_KINDS, OPERATORS } from "../../../services/core/fields/kind.ts";
import { sha256 } from "../../../services/core/hash.ts";
import { hlcFromMilliseconds } from "../../../services/core/hlc.ts";
import { uuidOf } from "../../../services/core/operation-id.ts";
import type { Action, Proposal } from "../../../services/core/proposal.ts";
import { decodeEntry, encodeEntry, encodeProposals } from "../../../services/protocol/entry-codec.ts";
import { decodeProposal, encodeProposal, requestContent } from "../../../services/protocol/proposal-codec.ts";
import { UndecodableEntryError } from "../../../services/protocol/undecodable.ts";
import { checkProperty } from "../property.ts";
import { proposals } from "./entries.ts";
import { proposal } from "./proposals.ts";

const HLC = hlcFromMilliseconds(1_767_225_600_000);
const ACTIONS: readonly Action[] = [
  {
    type: "change",
    changes: [
      { field: "email", kind: "value", operator: "set", argument: 'a\u2028"b"@c' },
      { field: "nickname", kind: "value", operator: "unset", argument: null },
      { field: "credit", kind: "value", operator: "inc", argument: -5 },
      { field: "likes", kind: "counter", operator: "inc", argument: 1 },
    ],
  },
  { type: "change", changes: [] },
  { type: "delete" },
  {
    type: "restore",
    claims: [
      { field: "email", value: "ada@c" },
      { field: "number", value: 7 },
    ],
  },
  { type: "restore", claims: [] },
  { type: "acquire", holder: "one", ttlMs: 30_000 },
  { type: "renew", token: 12, ttlMs: 30_000 },
  { type: "release", token: 12 },
];
const CONDITIONS = [
  { version: 3 }, { version: null }, { version: "*" as const }, { fields: { status: "paid", note: null } }, {},
  { version: 0, fields: { deep: { b: [1], a: {} } } },
]; // prettier-ignore
const PROPOSAL: Proposal = {
  id: uuidOf("proposal"),
  tenant: "default",
  requestHash: sha256("request"),
  hlc: HLC,
  deadlineMs: 1_767_225_605_000,
  fences: [{ lease: "{ada}/job", token: 11 }],
  writes: ACTIONS.map((action, index) => {
    const write = { collection: "users", key: `ada-${index}`, action };
    const condition = CONDITIONS[index];
    return condition === undefined ? write : { ...write, condition };
  }),
};
const ENTRY: ProposeEntry = { kind: "propose", origin: "eu", proposals: [PROPOSAL] };
const BARRIER: ProposeEntry = { kind: "propose", origin: "eu", proposals: [] };

const text = (data: Uint8Array): string => Buffer.from(data).toString("utf8");

function framed(...lines: readonly string[]): Uint8Array {
  const body = lines.join("\n");
  return Buffer.from(`forebay/2 ${sha256(body)}\n${body}`);
}

function failure(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof UndecodableEntryError) return error.message;
    throw error;
  }
  return "it was decoded";
}

/** What a client asks for; the kinds of fields are the schema's. */
function withoutKinds({ fences, writes }: Proposal): unknown {
  const asked = writes.map((write) => {
    const { action } = write;
    if (action.type !== "change") return write;
    return {
      ...write,
      action: { ...action, changes: action.changes.map(({ kind: _, ...change }) => change) },
    };
  });
  return [fences, asked];
}

describe("proposals on the wire", () => {
  it("are this, to the letter: other regions read it, and other versions of the software", () => {
    expect(text(encodeEntry(ENTRY))).toMatchInlineSnapshot(`
      "forebay/2 276507e4f5384c99bba088160173d54cf2fb31fa8a4434abb37598a8c118818f
      {"kind":"propose","origin":"eu","count":1}
      ["ecd1378b-c9dc-8300-88f0-0d58db5d26f6","default","019b76daa8000000",1767225605000,"1f58b9145b24d108d7ac38887338b3ea3229833b9c1e418250343f907bfd1047",[["{ada}/job",11]],[["users","ada-0",{"version":3},"change",[["email","value","set","a \\"b\\"@c"],["nickname","value","unset",null],["credit","value","inc",-5],["likes","counter","inc",1]]],["users","ada-1",{"version":null},"change",[]],["users","ada-2",{"version":"*"},"delete"],["users","ada-3",{"fields":{"status":"paid","note":null}},"restore",[["email","ada@c"],["number",7]]],["users","ada-4",{},"restore",[]],["users","ada-5",{"version":0,"fields":{"deep":{"b":[1],"a":{}}}},"acquire","one",30000],["users","ada-6",null,"renew",12,30000],["users","ada-7",null,"release",12]]]"
    `);
  });

  it("are one line each, and the same whether an entry is encoded or lines are gathered", () => {
    checkProperty(
      fc.property(proposals, (entry) => {
        const lines = entry.proposals.map(encodeProposal);
        const data = encodeEntry(entry);
        expect(text(data).split("\n").slice(2)).toEqual(lines);
        expect(Buffer.from(encodeProposals(entry.origin, lines)).equals(Buffer.from(data))).toBe(true);
      }),
    );
  });

  it("come back as they were: members that they have, and no others", () => {
    expect(decodeEntry(encodeEntry(ENTRY)).entry).toStrictEqual(ENTRY);
    checkProperty(
      fc.property(proposal, (one) => {
        expect(isDeepStrictEqual(decodeProposal(encodeProposal(one)), one)).toBe(true);
      }),
      { runs: 500 },
    );
  });

  it("have an entry without any: a barrier", () => {
    expect(text(encodeEntry(BARRIER))).toMatchInlineSnapshot(`
      "forebay/2 0c76c97abdc9ac6bcd88789b9f7d0dbad706419fa6b9712f69a1c9abd3a9180e
      {"kind":"propose","origin":"eu","count":0}"
    `);
    expect(decodeEntry(encodeEntry(BARRIER)).entry).toStrictEqual(BARRIER);
    expect(Buffer.from(encodeProposals("eu", [])).equals(Buffer.from(encodeEntry(BARRIER)))).toBe(true);
  });

  it("say by their content whether two requests ask for the same, whenever, wherever and whichever way they came", () => {
    checkProperty(
      fc.property(proposal, proposal, (one, other) => {
        expect(requestContent({ ...other, fences: one.fences, writes: one.writes })).toBe(
          requestContent(one),
        );
        const isSame = isDeepStrictEqual(withoutKinds(one), withoutKinds(other));
        expect(requestContent(one) === requestContent(other)).toBe(isSame);
      }),
    );
  });
});

describe("an entry of proposals that no writer should have written is refused", () => {
  const line = encodeProposal(PROPOSAL);
  const envelope = (changes: object): string =>
    JSON.stringify({ kind: "propose", origin: "eu", count: 1, ...changes });
  const decoding = (data: Uint8Array) => failure(() => decodeEntry(data));
  /** With a member of the proposal's line replaced. */
  const proposalText = (index: number, member: unknown): string => {
    const tuple = JSON.parse(line) as unknown[];
    tuple[index] = member;
    return JSON.stringify(tuple);
  };
  const decodingWith = (index: number, member: unknown) =>
    failure(() => decodeProposal(proposalText(index, member)));
  const decodingWrite = (...write: readonly unknown[]) => decodingWith(6, [write]);
  const decodingAction = (...action: readonly unknown[]) => decodingWrite("users", "ada", null, ...action);

  it("with more or fewer proposals than it says", () => {
    expect(decoding(framed(envelope({}), line))).toBe("it was decoded");
    expect(decoding(framed(envelope({ count: 2 }), line))).toBe("the entry of 2 proposals has 1");
    expect(decoding(framed(envelope({}), line, line))).toBe("the entry of 1 proposals has 2");
    expect(decoding(framed(envelope({})))).toBe("the entry of 1 proposals has 0");
    expect(decoding(framed(envelope({ count: 0 }), line))).toBe("the entry of 0 proposals has 1");
    expect(decoding(framed(envelope({ count: 0 }), ""))).toBe("the entry of 0 proposals has 1");
  });

  it("with another envelope", () => {
    const wrong = [{ count: -1 }, { count: 0.5 }, { count: "1" }, { count: null }, { count: undefined }, { origin: "" }, { origin: 1 }, { origin: undefined }, { kind: "proposal" }]; // prettier-ignore
    for (const changes of wrong) expect(decoding(framed(envelope(changes), line))).toMatch(/^envelope: /);
  });

  it("with something missing, too much, or of another type", () => {
    const wrong: readonly (readonly [number, unknown])[] = [
      [0, "no-id"], [0, PROPOSAL.id.toUpperCase()], [0, null], [1, ""], [1, 1], [2, "0"], [2, HLC.toUpperCase()], [3, -1],
      [3, 1.5], [3, "1"], [4, "hash"], [4, null], [5, null], [5, {}], [5, [["job"]]], [5, [["job", 0]]], [5, [["", 1]]],
      [5, [["job", 1.5]]], [5, [["job", "1"]]], [5, [["job", 1, 1]]], [5, ["job"]], [6, []], [6, null], [6, {}], [6, [[]]],
      [6, [null]], [7, "more"],
    ]; // prettier-ignore
    for (const [index, member] of wrong) {
      expect(`${index} ${decodingWith(index, member)}`).toMatch(/ proposal: /);
      expect(decoding(framed(envelope({}), proposalText(index, member)))).toMatch(/^proposal: /);
    }
    for (const other of ["", "{}", "null", "[]", line.slice(1), line.slice(0, -1)])
      expect(decoding(framed(envelope({}), other))).toMatch(/^proposal: /);
  });

  it("with an action that there is not, or that needs something else", () => {
    const good = [
      ["change", []],
      ["delete"],
      ["restore", []],
      ["reclaim", "us"],
      ["acquire", "one", 1],
      ["renew", 1, 1],
      ["release", 1],
    ];
    for (const action of good) expect(decodingAction(...action)).toBe("it was decoded");
    const wrong = [
      [], [null], ["upsert", []], ["constructor"], ["__proto__"], ["Change", []], ["change"], ["change", null], ["change", {}],
      ["change", [], []], ["delete", null], ["delete", []], ["restore"], ["restore", null], ["restore", ["email"]],
      ["restore", [["email"]]], ["restore", [["email", null]]], ["restore", [["email", true]]], ["restore", [["", "a"]]],
      ["restore", [["email", "a", 1]]], ["reclaim"], ["reclaim", ""], ["reclaim", 1], ["reclaim", null], ["reclaim", "us", 1],
      ["acquire", "one"], ["acquire", "", 1], ["acquire", 1, 1], ["acquire", "one", 0],
      ["acquire", "one", 0.5], ["acquire", "one", 1, 1], ["renew", 1], ["renew", 0, 1], ["renew", "1", 1], ["renew", 1, -1],
      ["release"], ["release", 0], ["release", null], ["release", 1, 1],
    ]; // prettier-ignore
    for (const action of wrong)
      expect(`${JSON.stringify(action)} ${decodingAction(...action)}`).toMatch(/ proposal: /);
  });

  it("with a record or a condition of another shape", () => {
    const good = [
      null,
      {},
      { version: 0 },
      { version: null },
      { version: "*" },
      { fields: {} },
      { fields: { a: [null] } },
    ];
    for (const condition of good)
      expect(decodingWrite("users", "ada", condition, "delete")).toBe("it was decoded");
    const wrong = [
      "", 0, [], true, { version: -1 }, { version: 1.5 }, { version: "1" }, { version: "" }, { version: true }, { version: {} },
      { fields: null }, { fields: [] }, { fields: "a" }, { more: 1 }, { version: 1, more: 1 }, JSON.parse('{"__proto__":1}'),
    ]; // prettier-ignore
    for (const condition of wrong)
      expect(`${JSON.stringify(condition)} ${decodingWrite("users", "ada", condition, "delete")}`).toMatch(
        / proposal: /,
      );
    for (const [collection, key] of [
      ["", "ada"],
      ["users", ""],
      [null, "ada"],
      ["users", 1],
    ])
      // prettier-ignore
      expect(decodingWrite(collection, key, null, "delete")).toMatch(/^proposal: /);
  });

  it("with a change of an unknown kind or operator, or with a member too many or too few", () => {
    const wrong = [
      ["name", "value", "set"], ["name", "value", "set", 1, 1], ["", "value", "set", 1], [1, "value", "set", 1],
      ["name", "Value", "set", 1], ["name", "lease", "set", 1], ["name", "claim", "set", 1],
      ["name", "constructor", "set", 1], ["name", "value", "acquire", 1], ["name", "value", "__proto__", 1], "name", null,
    ]; // prettier-ignore
    for (const changed of wrong)
      expect(`${JSON.stringify(changed)} ${decodingAction("change", [changed])}`).toMatch(/ proposal: /);
  });

  it("with every operator that the kind does not have", () => {
    for (const kind of CHANGE_KINDS) {
      for (const operator of OPERATORS) {
        if (operatorsOf(kind).includes(operator)) continue;
        expect(decodingAction("change", [["it", kind, operator, null]])).toBe(
          `change of it: a ${kind} has no operator ${operator}`,
        );
      }
    }
  });

  it("with arguments of another shape than the operator's", () => {
    for (const argument of ["1", 1.5, null, 2 ** 53, [1]]) {
      const reason = "change of it: inc takes an integer";
      expect(decodingAction("change", [["it", "value", "inc", argument]])).toBe(reason);
    }
    expect(decodingAction("change", [["it", "set", "add", [null]]])).toMatch(/^change of it: add takes /);
  });
});
