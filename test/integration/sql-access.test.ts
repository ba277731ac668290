/** Three real regions: an app reads with SQL what the log has committed, and lists by indexed fields what each region shows. */
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createProgram } from "../../services/cli/program.ts";
import { converged, eventually, startBed, withStores, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";

const ORDERS = {
  fields: {
    status: {
      class: "authoritative",
      type: "string",
      initial: "open",
      states: { open: ["paid"], paid: [] },
      index: true,
    },
    total: { class: "merge", kind: "counter", index: true },
    note: { class: "lww", type: "string" },
  },
};

let bed: LocalBed;

beforeAll(async () => {
  bed = await startBed("sql", 4);
  await createCollection(bed, "orders", ORDERS);
}, 240_000);
afterAll(() => bed?.stop(), 60_000);

async function forebay(...words: readonly string[]): Promise<string> {
  let printed = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text.toString();
    return true;
  });
  const warned = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await createProgram("0").parseAsync(["node", "forebay", ...words, "--data", bed.folder]);
  } finally {
    out.mockRestore();
    warned.mockRestore();
  }
  return printed;
}

const recordsUrl = (region: number) => `${bed.cluster.regions[region]!.url}/v1/collections/orders/records`;

async function write(region: number, key: string, body: object): Promise<void> {
  const answer = await send(`${recordsUrl(region)}/${key}`, { method: "PATCH", body });
  expect([200, 202]).toContain(answer?.status);
}

interface Page {
  readonly records: readonly { readonly key: string }[];
  readonly next_cursor?: string;
}

/** All pages of a listing, as soon as the region's index is built. */
async function keys(region: number, query: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = "";
  do {
    const page = await eventually(`region ${region} lists ${query}`, async () => {
      const answer = await send(`${recordsUrl(region)}?${query}${cursor}`, { method: "GET" });
      if (answer?.status === 200) return answer.body as unknown as Page;
      expect(answer).toMatchObject({ status: 503, retryAfter: expect.any(String) as string });
      return undefined;
    });
    found.push(...page.records.map(({ key }) => key));
    cursor = page.next_cursor === undefined ? "" : `&cursor=${page.next_cursor}`;
  } while (cursor !== "");
  return found;
}

it("lists by an index what was written, everywhere and in the region itself before the log has it", async () => {
  for (let index = 0; index < 12; index += 1)
    await write(index % 3, `o${String(index).padStart(2, "0")}`, { inc: { total: index } });
  await write(0, "o03", { set: { status: "paid" } });
  await withStores(bed, (stores) => converged(bed, stores));
  for (const region of [0, 1, 2]) {
    expect(await keys(region, "where=total:gte:4,total:lt:8&order=-total&limit=3")).toEqual(["o07", "o06", "o05", "o04"]); // prettier-ignore
    expect(await keys(region, "where=status:eq:paid")).toEqual(["o03"]);
    expect(await keys(region, "where=status:eq:open&consistency=linearizable")).toHaveLength(11);
  }
  await write(1, "o00", { inc: { total: 100 } });
  expect(await keys(1, "where=total:gt:90")).toEqual(["o00"]);
  await withStores(bed, (stores) => converged(bed, stores));
  const lines = (
    await forebay("list", "orders", "--where", "total:lt:3", "--order", "total", "--limit", "2")
  ).trim();
  expect(lines.split("\n").map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(["o01", "o02"]);
});

it("shows each region's committed state to those who may read it with SQL", async () => {
  await withStores(bed, (stores) => converged(bed, stores));
  const granted = (await forebay("sql", "grant", "reporting", "--tenant", "default")).trim().split("\n");
  expect(granted).toHaveLength(3);
  for (const line of granted) {
    const [, url] = /, as (postgres.*)$/.exec(line) ?? [];
    const client = new pg.Client({ connectionString: url! });
    await client.connect();
    const rows = await eventually("the view is there, and granted", async () => {
      try {
        return (await client.query('select _key, status, total from orders where total > 9 order by "total"')).rows as object[];
      } catch {
        return undefined;
      }
    }); // prettier-ignore
    expect(rows).toEqual([
      { _key: "o10", status: "open", total: "10" },
      { _key: "o11", status: "open", total: "11" },
      { _key: "o00", status: "open", total: "100" },
    ]);
    const { rows: staleness } = await client.query("select max(age) < interval '1 minute' as is_young, count(*)::integer from staleness"); // prettier-ignore
    expect(staleness).toEqual([{ is_young: true, count: 4 }]);
    await expect(client.query("select * from public.records")).rejects.toThrow("permission denied");
    await client.end();
  }
  expect(await forebay("sql", "readers", "--region", "us")).toMatch(
    /us +reporting +default +forebay_default/,
  );
  expect(await forebay("sql", "revoke", "reporting")).toContain(
    "eu: reporting reads no more of forebay_default",
  );
});

it("changes view and index with the schema", async () => {
  const { status, total, note } = ORDERS.fields;
  const wider = { fields: { status, total, note: { ...note, index: true }, extra: { class: "lww", type: "number", default: 1.5 } } };
  await createCollection(bed, "orders", wider);
  await write(2, "noted", { set: { note: "a, b" } });
  expect(await keys(2, `where=${encodeURIComponent('note:eq:"a, b"')}`)).toEqual(["noted"]);
  const { url } = bed.cluster.regions[2]!.postgres;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const row = await eventually("the view has the field, and the record", async () => {
    try {
      const { rows } = await client.query<object>("select note, extra from forebay_default.orders where _key = 'noted'");
      return rows[0];
    } catch {
      return undefined;
    }
  });
  expect(row).toEqual({ note: "a, b", extra: 1.5 });
  await client.end();
}); // prettier-ignore
