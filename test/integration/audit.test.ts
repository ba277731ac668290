/** The audit trail of a whole cluster: what is ordered is kept, and whoever changes what is kept is found out. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createProgram } from "../../services/cli/program.ts";
import { EMPTY_AUDIT, nextAuditRow, type AuditHead } from "../../services/core/audit.ts";
import type { AuditHeadAnswer } from "../../services/protocol/http/audit.ts";
import { eventually, startBed, withStores, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";
import { queryOnce } from "./postgres/server.ts";

let bed: LocalBed;
/** Where the trail of eu ends. */
let head: AuditHeadAnswer;

const urlOf = (region: string) => bed.cluster.region(region).url;
const sql = (text: string) => queryOnce(bed.cluster.region("eu").postgres.url, text);

async function order(method: "POST" | "DELETE", path: string, body?: object): Promise<void> {
  const headers = { "forebay-actor": "ada" };
  await eventually(`eu does what is ordered: ${method} ${path}`, async () => {
    const answer = await send(`${urlOf("eu")}/v1/${path}`, { method, headers, body });
    return answer !== undefined && answer.status < 300 ? true : undefined;
  });
}

async function headOf(region: string): Promise<AuditHeadAnswer> {
  const answer = await send(`${urlOf(region)}/v1/audit/head`, { method: "GET" });
  return answer!.body as unknown as AuditHeadAnswer;
}

/** Runs the command. @returns what it prints, and whether it found everything whole. */
async function verify(...words: readonly string[]): Promise<{ text: string; isWhole: boolean }> {
  let text = "";
  const print = vi.spyOn(process.stdout, "write").mockImplementation((part) => {
    text += part.toString();
    return true;
  });
  process.exitCode = undefined;
  try {
    await createProgram("0").parseAsync([
      "node",
      "forebay",
      "audit",
      "verify",
      "--data",
      bed.folder,
      ...words,
    ]);
    return { text, isWhole: process.exitCode === undefined };
  } finally {
    process.exitCode = undefined;
    print.mockRestore();
  }
}

beforeAll(async () => {
  bed = await startBed("audit", 1, { FOREBAY_VERIFY_EVERY_SECONDS: "0" });
  await createCollection(bed);
  await order("POST", "verify", {});
  await order("POST", "leader", { region: "eu", hold_ms: 0 });
  await order("POST", "drain", {});
  await order("DELETE", "drain");
  await order("POST", "backups", { partition: 0 });
  head = await headOf("eu");
  await eventually("the others have seen where the trail of eu ends", async () => {
    const others = await Promise.all(["us", "ap"].map(headOf));
    const have = others.every(({ seen }) =>
      seen.some(
        ({ region, sequence, hash }) => region === "eu" && sequence === head.sequence && hash === head.hash,
      ),
    );
    return have ? true : undefined;
  });
  await sql("create table audit_before as table audit");
}, 120_000);

afterAll(() => bed.stop());

it("keeps what was ordered, by whom, and how it ended", async () => {
  const rows = await withStores(bed, async (stores) => stores.get("eu")!.listAudit({ limit: 100, after: 0 }));
  const told = rows.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`);
  for (const action of ["verify", "drain", "undrain", "backup"])
    expect(told).toEqual(expect.arrayContaining([`ada ${action} intent`, `ada ${action} done`]));
  for (const { address, act } of rows) {
    expect(address).toContain("127.0.0.1");
    expect(rows.filter((row) => row.act === act)).toHaveLength(2);
  }
});

it("is whole in every region, as each is known to the others", async () => {
  const { text, isWhole } = await verify();
  expect(text).toMatch(
    new RegExp(`^eu: ${head.sequence} rows, whole, ends at ${head.sequence}:${head.hash}; as kept by`),
  );
  expect(text).toMatch(new RegExp(`us up to ${head.sequence}`));
  expect(isWhole).toBe(true);
  expect((await verify("--region", "eu", "--head", `${head.sequence}:${head.hash}`)).isWhole).toBe(true);
});

it("writes the hash of each row into the log, and nobody can change rows by the way", async () => {
  for (const statement of ["update audit set actor = 'eve'", "delete from audit", "truncate audit"])
    await expect(sql(statement)).rejects.toThrow(/added, and never changed/);
});

describe("is found not to be whole", () => {
  const change = async (...statements: readonly string[]) => {
    await sql(["alter table audit disable trigger audit_kept", ...statements].join(";"));
  };

  afterEach(() =>
    change(
      "delete from audit",
      "insert into audit select * from audit_before",
      "alter table audit enable trigger audit_kept",
    ),
  );

  it("where a row was changed", async () => {
    await change("update audit set actor = 'eve' where sequence = 3");
    const { text, isWhole } = await verify("--region", "eu");
    expect(text).toBe("eu: broken at row 3: row 3 has been changed: its hash is not that of what it says\n");
    expect(isWhole).toBe(false);
  });

  it("where a row was taken out", async () => {
    await change("delete from audit where sequence = 4");
    expect(await verify("--region", "eu")).toEqual({
      text: "eu: broken at row 4: row 4 is missing: row 5 comes next\n",
      isWhole: false,
    });
  });

  it("where its end is gone, by what other regions have seen", async () => {
    await change(`delete from audit where sequence > ${head.sequence - 2}`);
    const { text, isWhole } = await verify();
    expect(text).toMatch(
      new RegExp(`eu: wrong at row ${head.sequence - 1}: .* its end is gone \\(kept by (us|ap)\\)`),
    );
    expect(isWhole).toBe(false);
  });

  it("where all of it was made anew, by what other regions have seen", async () => {
    await makeAnew();
    const { text, isWhole } = await verify();
    expect(text).toMatch(/eu: wrong at row \d+: .* the trail was made anew \(kept by (us|ap)\)/);
    expect(isWhole).toBe(false);
  });

  it("where all of it was made anew and no other region has seen it before, by a head that was kept elsewhere", async () => {
    await makeAnew();
    const url = urlOf("eu");
    expect((await verify("--url", url)).isWhole).toBe(true);
    const { text, isWhole } = await verify("--url", url, "--head", `${head.sequence}:${head.hash}`);
    expect(text).toMatch(/the trail was made anew \(kept by --head\)/);
    expect(isWhole).toBe(false);
  });

  /** As somebody would who knows how hashes are made: another actor, and a whole chain. */
  const makeAnew = async () => {
    const rows = await withStores(bed, async (stores) =>
      stores.get("eu")!.listAudit({ limit: 100, after: 0 }),
    );
    let before: AuditHead = EMPTY_AUDIT;
    const updates = rows.map((row) => {
      const next = nextAuditRow("eu", before, { ...row, actor: "eve" });
      before = next;
      return `update audit set actor = 'eve', previous = '${next.previous}', hash = '${next.hash}' where sequence = ${next.sequence}`;
    });
    await change(...updates);
  };
});
