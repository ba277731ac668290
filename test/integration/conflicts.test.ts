/** Two regions that are cut off from each other write the same field: what lost is told alike everywhere, and comes back. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, startBed, type Bed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";

const REGIONS = ["eu", "us", "ap"] as const;
const SCHEMA = { fields: { displayName: { class: "lww", type: "string" } } };
const RECORD = "/v1/collections/people/records/ada";
/** While a region is cut off, the log may have to elect a leader first. */
const PATIENT = { "forebay-deadline-ms": "60000", prefer: "wait=committed" };

interface Conflict {
  readonly id: string;
  readonly key: string;
  readonly loser: { readonly region: string; readonly value: unknown; readonly operator: string };
}

let bed: Bed;

beforeAll(async () => {
  bed = await startBed("conflicts");
  await createCollection(bed, "people", SCHEMA);
});

afterAll(() => bed.stop());

async function call(
  region: string,
  request: `${"GET" | "PATCH" | "POST"} ${string}`,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const [method, path] = request.split(" ") as [string, string];
  const { body, headers = {} } = options;
  const response = await fetch(`${bed.cluster.region(region).url}${path}`, {
    method,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body: answer };
}

async function nameIn(region: string): Promise<unknown> {
  const { body } = await call(region, `GET ${RECORD}`);
  return (body["fields"] as { displayName?: string } | undefined)?.displayName;
}

async function everywhere(name: string): Promise<void> {
  for (const region of REGIONS) {
    await eventually(`${region} shows ${name}`, async () =>
      (await nameIn(region)) === name ? true : undefined,
    );
  }
}

async function conflictsIn(region: string, count: number): Promise<readonly Conflict[]> {
  return eventually(`${region} tells of ${count} conflict(s)`, async () => {
    const { body } = await call(region, "GET /v1/conflicts?collection=people&key=ada");
    const conflicts = body["conflicts"] as Conflict[];
    return conflicts.length === count ? conflicts : undefined;
  });
}

describe("a conflict", () => {
  it("is the same in all regions, and its loser can be written again in any", async () => {
    await call("eu", `PATCH ${RECORD}`, { body: { set: { displayName: "Ada" } } });
    await everywhere("Ada");

    for (const other of ["us", "ap"]) bed.cluster.cutLink("eu", other);
    const lost = await call("eu", `PATCH ${RECORD}`, { body: { set: { displayName: "Ada of Europe" } } });
    expect(lost.status).toBe(202);
    expect(await nameIn("eu")).toBe("Ada of Europe");
    const won = await call("us", `PATCH ${RECORD}`, {
      body: { set: { displayName: "Ada of America" } },
      headers: PATIENT,
    });
    expect(won.body).toMatchObject({ status: "committed" });
    for (const other of ["us", "ap"]) bed.cluster.healLink("eu", other);
    await everywhere("Ada of America");

    const [conflicts, ...others] = await Promise.all(REGIONS.map((region) => conflictsIn(region, 1)));
    expect(conflicts).toMatchObject([
      {
        field: "displayName",
        reason: "concurrent",
        loser: {
          region: "eu",
          value: "Ada of Europe",
          operator: "set",
          operation: lost.body["operation"],
          at: lost.body["at"],
        },
        winner: { region: "us", value: "Ada of America", at: won.body["at"] },
      },
    ]);
    for (const other of others) expect(other).toEqual(conflicts);

    const restore = `POST /v1/conflicts/${conflicts![0]!.id}/restore` as const;
    const headers = { "idempotency-key": "ada of europe" };
    const restored = await call("ap", restore, { headers });
    expect(restored.status).toBe(202);
    expect(restored.body).toMatchObject({ status: "accepted", region: "ap" });
    expect(await nameIn("ap")).toBe("Ada of Europe");
    await everywhere("Ada of Europe");
    const again = await call("us", restore, { headers });
    expect(again.body).toMatchObject({ operation: restored.body["operation"], replayed: true });
    // It had seen what it replaced, and so was no conflict itself.
    for (const region of REGIONS) expect(await conflictsIn(region, 1)).toEqual(conflicts);
  });

  it("is counted by what it is of", async () => {
    const response = await fetch(`${bed.cluster.region("ap").url}/metrics`);
    expect(await response.text()).toMatch(
      /^forebay_fold_conflicts_total\{partition="0",reason="concurrent",collection="people",field="displayName",region="ap"\} 1$/m,
    );
  });

  it("that nobody knows can't be written again", async () => {
    const { status, body } = await call("us", "POST /v1/conflicts/0-1-0/restore");
    expect(status).toBe(404);
    expect(body["type"]).toBe("urn:forebay:problem:conflict-not-found");
  });
});
