/** `forebay escrow`, against the real HTTP server with a stub behind it. */
import { describe, expect, it, vi } from "vitest";
import { formatEscrows } from "../../../services/cli/commands/escrow.ts";
import { CommandError, UsageError } from "../../../services/cli/errors.ts";
import { GatewayError } from "../../../services/gateway/errors.ts";
import type { ReclaimRequest } from "../../../services/gateway/gateway.ts";
import { OPERATION } from "../gateway-http/stub-gateway.ts";
import { cliBed } from "./bed.ts";

const bed = cliBed((rig) => {
  Object.assign(rig.gateway, { views: [], next: undefined, answer: {}, reclaimHook: () => undefined });
  rig.gateway.reclaims.length = 0;
  rig.gateway.lists.length = 0;
});

const run = (...words: readonly string[]): Promise<string> => bed.run(...words);

function views(...keys: readonly string[]) {
  return keys.map((key) => ({ key, fields: {}, version: "1", pending: 0 }));
}

/** Answers the reclaim of a record otherwise than the rest. */
function failing(key: string, error: GatewayError): (request: ReclaimRequest) => void {
  return (request) => {
    if (request.key === key) throw error;
  };
}

describe("put", () => {
  it("gives to an escrow and takes from it", async () => {
    bed.rig.gateway.writes.length = 0;
    expect(await run("put", "users", "ada", "--take", "stock=3")).toBe(`accepted ${OPERATION} by eu\n`);
    await run("put", "users", "ada", "--give", "stock=10");
    expect(bed.rig.gateway.writes).toMatchObject([
      { body: { take: { stock: 3 } } },
      { body: { give: { stock: 10 } } },
    ]);
  });
});

describe("escrow show", () => {
  it("prints what is left, and the rights of each region", async () => {
    expect((await run("escrow", "show", "users", "a/b")).split("\n")).toEqual([
      "field  value  min  left here  left in all  ap  eu  us",
      "stock     12    0          3           11   1   4   7",
      "",
    ]);
  });

  it("prints the region's answer when it is told to, without the session", async () => {
    const answer = JSON.parse(await run("escrow", "show", "users", "ada", "--json"));
    expect(answer).toMatchObject({ key: "ada", escrows: { stock: { left: { here: 3, total: 11 } } } });
    expect(answer).not.toHaveProperty("session");
  });

  it("says that there is none", async () => {
    await expect(run("escrow", "show", "users", "nobody")).rejects.toThrow("(record-not-found)");
  });

  it("has a place for every region that any field has rights of", () => {
    const left = { here: 0, total: 2 };
    const text = formatEscrows({
      escrows: {
        a: { value: 2, min: 0, rights: { us: 2 }, left },
        b: { value: -1, min: -3, rights: { eu: 2 }, left },
      },
    });
    expect(text.split("\n").map((line) => line.trimEnd().split(/ {2,}/).at(-1))).toEqual(["us", "2", "0"]);
    expect(text).toContain("eu");
  });
});

describe("escrow reclaim", () => {
  it("hands over what a lost region has of the records that are named", async () => {
    expect(await run("escrow", "reclaim", "users", "ada", "bob", "--from", "ap")).toBe(
      "users/ada: stock 1 from ap to eu\nusers/bob: stock 1 from ap to eu\n" +
        "handed over from ap: stock 2, of 2 of 2 records of users\n",
    );
    expect(bed.rig.gateway.reclaims).toMatchObject([
      { collection: "users", key: "ada", lostRegion: "ap" },
      { collection: "users", key: "bob", lostRegion: "ap" },
    ]);
    const keys = bed.rig.gateway.reclaims.map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(keys).size).toBe(2);
    expect(keys.every((key) => key?.startsWith("escrow-reclaim-"))).toBe(true);
  });

  it("says that a second run had nothing to hand over", async () => {
    bed.rig.gateway.failure = new GatewayError(
      "record-missing",
      "region ap has no rights to any escrow of it",
    );
    expect(await run("escrow", "reclaim", "users", "ada", "bob", "--from", "ap")).toBe(
      "users/ada: nothing from ap\nusers/bob: nothing from ap\n" +
        "nothing was handed over from ap: 0 of 2 records of users\n",
    );
    bed.rig.gateway.failure = undefined;
  });

  it("goes over all records by pages, past those that have nothing to hand over", async () => {
    const list = vi.spyOn(bed.rig.gateway, "list").mockImplementation(async (request) => {
      bed.rig.gateway.lists.push(request);
      const isLast = bed.rig.gateway.lists.length === 2;
      const session = { positions: {}, wal: {} };
      if (isLast) return { records: views("eve", "zoe"), next: undefined, session };
      return { records: views("ada", "nobody", ".."), next: "..", session };
    });
    expect(await run("escrow", "reclaim", "users", "--all", "--from", "ap")).toBe(
      "handed over from ap: stock 3, of 3 of 5 records of users\n",
    );
    list.mockRestore();
    expect(bed.rig.gateway.lists).toMatchObject([
      { after: undefined, limit: 500, consistency: "linearizable" },
      { after: "..", limit: 500, consistency: "linearizable" },
    ]);
    expect(bed.rig.gateway.reclaims.map(({ key }) => key)).toEqual(["ada", "eve", "zoe"]);
    expect(bed.warned.split("\n")).toEqual([
      `forebay: left out: the key ".." can't stand in a URL`,
      "forebay: 3 records looked at, rights of 1",
      "forebay: 5 records looked at, rights of 3",
      "",
    ]);
  });

  it("stops where it is refused, and says how far it came", async () => {
    bed.rig.gateway.views = views("ada", "bob", "eve");
    bed.rig.gateway.reclaimHook = failing("bob", new GatewayError("no-quorum", "the log has no leader"));
    const running = run("escrow", "reclaim", "users", "--all", "--from", "ap");
    await expect(running).rejects.toThrow(CommandError);
    await expect(running).rejects.toThrow(
      "stopped at users/bob: the log has no leader (no-quorum)\n" +
        "forebay: handed over from ap: stock 1, of 1 of 1 records of users; what was handed over stays so",
    );
    expect(bed.rig.gateway.reclaims.map(({ key }) => key)).toEqual(["ada"]);
    await expect(run("escrow", "reclaim", "users", "ada", "--from", "us")).rejects.toThrow(
      /spoke 12 ms ago \(region-alive\)\nforebay: nothing was handed over from us: 0 of 0 records/,
    );
    await expect(run("escrow", "reclaim", "users", "nobody", "--from", "ap")).resolves.toContain(
      "users/nobody: nothing from ap\n",
    );
  });

  it("sends a reclaim whose outcome is unknown again, under the same key", async () => {
    const keys: (string | undefined)[] = [];
    bed.rig.gateway.reclaimHook = ({ idempotencyKey }) => {
      keys.push(idempotencyKey);
      if (keys.length === 1) throw new GatewayError("outcome-unknown", "who knows", { operation: OPERATION });
    };
    expect(await run("escrow", "reclaim", "users", "ada", "--from", "ap")).toContain("users/ada: stock 1");
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it.each([
    [["escrow", "reclaim", "users", "--from", "ap"]],
    [["escrow", "reclaim", "users", "ada", "--all", "--from", "ap"]],
  ])("takes keys or --all: %o", async (words) => {
    await expect(run(...words)).rejects.toThrow(UsageError);
    expect(bed.rig.gateway.reclaims).toEqual([]);
  });

  it.each([[["escrow", "reclaim", "users", "ada"]], [["escrow", "show", "users"]], [["escrow", "users"]]])(
    "refuses to be used like this: %o",
    async (words) => {
      await expect(run(...words)).rejects.toMatchObject({ exitCode: 1, code: /^commander\./ });
      expect(bed.rig.gateway.reclaims).toEqual([]);
    },
  );

  it("warns in its help of what the lost region has taken", async () => {
    await expect(run("escrow", "reclaim", "--help")).rejects.toMatchObject({
      code: "commander.helpDisplayed",
    });
    expect(bed.printed).toContain("SUPERSEDED");
    expect(bed.printed).toContain("forebay conflicts --reason");
  });
});
