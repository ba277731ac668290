/** `/v1/members` and `/v1/rejoin`: what they take, and what they tell. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await buildRig();
});

afterEach(() => {
  rig.gateway.memberChanges.length = 0;
});

const change = (body: unknown) => send(rig, "POST", { url: "/v1/members", body });
const rejoin = (body: unknown) => send(rig, "POST", { url: "/v1/rejoin", body });

const UNHEARD = {
  joined: "01990000-0000-7000-8000-00000000000a",
  appliedPosition: undefined,
  lagEntries: undefined,
  silentMs: undefined,
  unshippedRows: undefined,
};

describe("members", () => {
  it("are told with what is known of them", async () => {
    const heard = { appliedPosition: 7, lagEntries: 2, silentMs: 900, unshippedRows: 3 };
    rig.gateway.members = {
      partition: 0,
      members: [
        { region: "eu", joined: undefined, isJoining: false, ...heard },
        { region: "sa", isJoining: true, ...UNHEARD },
      ],
      departed: ["ap"],
    };
    expect((await get(rig, "/v1/members")).json()).toEqual({
      partitions: [
        {
          partition: 0,
          members: [
            { region: "eu", applied_position: 7, lag_entries: 2, silent_ms: 900, unshipped_rows: 3 },
            { region: "sa", joined: UNHEARD.joined, joining: true },
          ],
          departed: ["ap"],
        },
      ],
    });
  });

  it("are added and removed, by force where that is said, and rejoin", async () => {
    for (const body of [
      { action: "add", region: "sa" },
      { action: "remove", region: "sa" },
      { action: "remove", region: "ap", force: true },
    ])
      expect((await change(body)).statusCode).toBe(200);
    for (const body of [{}, { force: true }]) expect((await rejoin(body)).statusCode).toBe(200);
    expect(rig.gateway.memberChanges).toEqual([
      { action: "add", region: "sa" },
      { action: "remove", region: "sa", isForced: false },
      { action: "remove", region: "ap", isForced: true },
      { action: "rejoin", isForced: false },
      { action: "rejoin", isForced: true },
    ]);
  });

  it.each([{}, { action: "add" }, { action: "move", region: "sa" }, { action: "add", region: "S A" }, []])(
    "are not changed by %j",
    async (body) => {
      expect(codeOf(await change(body))).toBe("malformed-body");
      expect(rig.gateway.memberChanges).toEqual([]);
    },
  );
});
