/** One of each kind of thing that a tenant can have, with a mark in it that nobody else may see. */
import { expect } from "vitest";
import { eventually } from "./bed.ts";

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

type Ask = (sent: Sent, region?: string) => Promise<{ readonly status: number; readonly text: string }>;

/** A lease, key, record, operation and conflict. @returns their paths by the routes that name them. */
export async function makeOfEachKind(ask: Ask, mark: string): Promise<Readonly<Record<string, string>>> {
  const lease = { holder: mark, ttl_ms: 600_000 };
  expect(await ask({ method: "POST", path: `/v1/leases/${mark}`, body: lease })).toMatchObject({
    status: 200,
  });
  const made = await ask({
    method: "POST",
    path: "/v1/api-keys",
    body: { name: mark, scopes: ["read:"] },
  });
  const { id } = JSON.parse(made.text) as { id: string };
  const record = `/v1/collections/secrets/records/${mark}`;
  const write = { method: "PATCH", path: record, body: { set: { name: mark } } };
  const { operation } = JSON.parse((await ask(write)).text) as { operation: string };
  const conflict = await eventually("two regions have met", async () => {
    await Promise.all(["eu", "us"].map((region) => ask(write, region)));
    const { text } = await ask({ method: "GET", path: `/v1/conflicts?collection=secrets&key=${mark}` });
    return (JSON.parse(text) as { conflicts: { id: string }[] }).conflicts[0]?.id;
  });
  return {
    "get /v1/leases/{name}": `/v1/leases/${mark}`,
    "delete /v1/leases/{name}": `/v1/leases/${mark}?token=1`,
    "get /v1/collections/{collection}/records/{key}": record,
    "get /v1/collections/{collection}/records/{key}/history": `${record}/history`,
    "get /v1/conflicts": `/v1/conflicts?collection=secrets&key=${mark}`,
    "post /v1/conflicts/{conflict}/restore": `/v1/conflicts/${conflict}/restore`,
    "get /v1/operations/{operation}": `/v1/operations/${operation}`,
    "get /v1/api-keys": "/v1/api-keys",
    "delete /v1/api-keys/{apiKey}": `/v1/api-keys/${id}`,
  };
}
