/** `GET …/records/{key}/history`: what the log has of a record, page by page. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRig, type Rig } from "./rig.ts";
import { WRITE_ID } from "./stub-histories.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await buildRig();
});
afterAll(() => rig.server.close(0));

const get = (path: string) => rig.server.app.inject({ url: `/v1/collections/${path}` });

describe("the history of a record", () => {
  it("tells what was written, by whom it was decided, and what came of it", async () => {
    const answer = await get("users/records/a%2Fb/history?before=41&limit=3");
    expect(answer.statusCode).toBe(200);
    const asked = { tenant: "default", collection: "users", key: "a/b", before: 41, limit: 3 };
    expect(rig.gateway.stubHistories.asked).toEqual([asked]);
    const place = { region: "us", stored_at_ms: 1_760_000_000_000 };
    expect(answer.json()).toMatchObject({
      partition: 0,
      looked_at: { from: 11, to: 40 },
      entries: [
        { ...place, position: 30, kind: "swept", action: "sweep", changes: [] },
        {
          ...place,
          position: 20,
          kind: "decided",
          action: "delete",
          status: "rejected",
          reason: "there is none",
        },
        {
          ...place,
          position: 12,
          kind: "local",
          operation: WRITE_ID,
          status: "committed",
          changes: [{ field: "name", operator: "set", argument: "Ada" }],
        },
      ],
      next_before: 11,
    });
  });

  it.each(["before=0", "before=x", "before=-1", "limit=0", "after=3"])("refuses %s", async (query) => {
    const answer = await get(`users/records/a/history?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ type: "urn:forebay:problem:invalid-parameter" });
  });

  it("says that a collection is not known", async () => {
    expect((await get("ghosts/records/a/history")).statusCode).toBe(404);
  });
});
