/** Backups over HTTP: opened, read page by page, closed. */
import { Compile } from "typebox/compile";
import { beforeEach, describe, expect, it } from "vitest";
import { BackupAnswer } from "../../../services/protocol/http/backups.ts";
import { codeOf, get, send } from "./requests.ts";
import { buildRig, type Rig } from "./rig.ts";
import { OPERATION } from "./stub-gateway.ts";
import type { StubBackups } from "./stub-backups.ts";

let rig: Rig;
let backups: StubBackups;

beforeEach(async () => {
  rig = await buildRig();
  backups = rig.gateway.stubBackups;
  backups.lines.records.push('["a"]', '["b, c&d %"]', '["ü"]');
});

const open = (body: unknown = { partition: 0 }) => send(rig, "POST", { url: "/v1/backups", body });

async function opened(): Promise<string> {
  return (await open()).json<BackupAnswer>().backup;
}

const page = (id: string, query: string) => get(rig, `/v1/backups/${id}/pages?${query}`);

describe("a backup", () => {
  it("says where it is, and how much there is to read", async () => {
    const answer = await open({ partition: 1 });
    expect(answer.statusCode).toBe(201);
    expect(Compile(BackupAnswer).Errors(answer.json())).toEqual([]);
    const body = answer.json<BackupAnswer>();
    expect(body).toMatchObject({
      region: "eu",
      partition: 1,
      position: 8,
      rows: { records: 3, conflicts: 0 },
    });
    expect(answer.headers["location"]).toBe(`/v1/backups/${body.backup}`);
  });

  it("is read to its end by pages, whatever the rows are called", async () => {
    const id = await opened();
    let [text, query] = ["", "part=records"];
    for (;;) {
      const answer = await page(id, query);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["content-type"]).toMatch(/^application\/x-ndjson/);
      expect(answer.headers["forebay-rows"]).toBe(String(answer.body.split("\n").length - 1));
      text += answer.body;
      const next = answer.headers["forebay-next"];
      if (next === undefined) break;
      query = `part=records&after=${String(next)}`;
    }
    expect(text).toBe('["a"]\n["b, c&d %"]\n["ü"]\n');
    const none = await page(id, "part=operations");
    expect([none.statusCode, none.body, none.headers["forebay-rows"]]).toEqual([200, "", "0"]);
  });

  it("is closed, and closing it again does no harm", async () => {
    const id = await opened();
    for (let times = 0; times < 2; times += 1) {
      expect((await send(rig, "DELETE", { url: `/v1/backups/${id}` })).statusCode).toBe(204);
    }
    expect(backups.closed).toBe(1);
    expect(codeOf(await page(id, "part=records"))).toBe("backup-not-found");
  });

  it("ends with the database's connection", async () => {
    const id = await opened();
    backups.isGone = true;
    expect(codeOf(await page(id, "part=records"))).toBe("backup-not-found");
    expect(backups.closed).toBe(1);
  });

  it("is one of two at most", async () => {
    const first = await opened();
    await opened();
    const third = await open();
    expect(codeOf(third)).toBe("too-many-backups");
    expect(third.headers["retry-after"]).toBe("5");
    await send(rig, "DELETE", { url: `/v1/backups/${first}` });
    expect((await open()).statusCode).toBe(201);
  });

  it.each([
    [{ partition: 2 }, "there is no partition 2; the cluster has 0 to 1"],
    [{ partition: -1 }, '{"partition":0}'],
    [{}, '{"partition":0}'],
  ])("is not opened for %j", async (body, detail) => {
    const refused = await open(body);
    expect(codeOf(refused)).toBe("malformed-body");
    expect(refused.json<{ detail: string }>().detail).toContain(detail);
    expect(backups.opened).toBe(0);
  });

  it.each([
    ["part=rows", "invalid-parameter"],
    ["", "invalid-parameter"],
    ["part=records&after=%00", "invalid-parameter"],
    ["part=records&before=x", "invalid-parameter"],
  ])("has no page %j", async (query, code) => {
    expect(codeOf(await page(await opened(), query))).toBe(code);
  });

  it("is not taken of a state that is being loaded, whatever is there of it", async () => {
    for (const stage of ["announced", "clearing", "loading", "folding", "verifying"]) {
      backups.bootstraps = [{ partition: 0, stage }];
      const refused = await open();
      expect(codeOf(refused)).toBe("bootstrapping");
      expect(refused.json<{ detail: string }>().detail).toContain(stage);
    }
    expect(backups.closed).toBe(backups.opened);
    backups.bootstraps = [{ partition: 0, stage: "ordered" }];
    expect((await open()).statusCode).toBe(201);
  });

  it("is not taken of a region that is no member", async () => {
    backups.members = ["us"];
    expect(codeOf(await open())).toBe("not-a-member");
    expect(backups.closed).toBe(1);
  });

  it("that nobody has opened is not found", async () => {
    expect(codeOf(await page(OPERATION, "part=records"))).toBe("backup-not-found");
  });
});
