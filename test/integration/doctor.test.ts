/** The doctor on a whole cluster: finds it well, and each fault that is planted into real servers. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectOptions } from "../../services/adapters/nats/address.ts";
import { ENTRY_VERSION } from "../../services/protocol/entry-codec.ts";
import type { DoctorAnswer } from "../../services/protocol/http/doctor.ts";
import { eventually, startBed, type LocalBed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { queryOnce } from "./postgres/server.ts";

let bed: LocalBed;

beforeAll(async () => {
  bed = await startBed("doctor", 1);
  await createCollection(bed);
}, 120_000);

afterAll(() => bed.stop());

async function examine(region: string): Promise<DoctorAnswer> {
  const response = await fetch(`${bed.cluster.region(region).url}/v1/doctor`);
  return (await response.json()) as DoctorAnswer;
}

async function checkOf(region: string, name: string) {
  return (await examine(region)).checks.find((check) => check.name === name);
}

const sql = (text: string) => queryOnce(bed.cluster.region("eu").postgres.url, text);

it("finds nothing wrong with a cluster that was just made", async () => {
  const found = await eventually("every region is well", async () => {
    const answers = await Promise.all(["eu", "us", "ap"].map(examine));
    const failing = answers.flatMap(({ checks }) => checks.filter(({ verdict }) => verdict === "fail"));
    if (failing.length > 0) throw new Error(JSON.stringify(failing));
    return answers;
  });
  for (const { checks, versions } of found) {
    expect(checks).toHaveLength(19);
    expect(versions).toMatchObject({
      entry: ENTRY_VERSION,
      nats: expect.stringMatching(/^2\./),
      postgres: expect.any(String),
    });
    expect(checks.find(({ name }) => name === "log-store")).toMatchObject({ verdict: "ok" });
    expect(checks.find(({ name }) => name === "trim-permission")).toMatchObject({ verdict: "ok" });
    // Both figures come from servers on this machine.
    expect(checks.find(({ name }) => name === "clock-database")).toMatchObject({ verdict: "ok" });
  }
});

it("finds a stream that would lose entries", async () => {
  const { url } = bed.cluster.region("eu").nats;
  const client = await connect(connectOptions({ url }));
  try {
    const manager = await jetstreamManager(client);
    const edit = (ageMs: number) => manager.streams.update("FOREBAY_LOG_0", { max_age: ageMs * 1_000_000 });
    await edit(86_400_000);
    expect(await checkOf("us", "log-streams")).toMatchObject({
      verdict: "fail",
      found: expect.stringContaining("max_age"),
    });
    await edit(0);
    expect(await checkOf("us", "log-streams")).toMatchObject({ verdict: "ok" });
  } finally {
    await client.close();
  }
});

it("finds a database that lacks a migration, and one that was migrated by newer software", async () => {
  await sql("create table kept as select * from drizzle.__drizzle_migrations");
  await sql("delete from drizzle.__drizzle_migrations where created_at = 1700000000013");
  expect(await checkOf("eu", "schema-migrations")).toMatchObject({ verdict: "fail" });
  await sql(
    "delete from drizzle.__drizzle_migrations; insert into drizzle.__drizzle_migrations select * from kept",
  );
  await sql("insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 1800000000000)");
  expect(await checkOf("eu", "schema-migrations")).toMatchObject({ verdict: "warn" });
  await sql("delete from drizzle.__drizzle_migrations where hash = 'newer'");
  expect(await checkOf("eu", "schema-migrations")).toMatchObject({ verdict: "ok" });
});

it("finds a database that takes no writes", async () => {
  const url = new URL(bed.cluster.region("ap").postgres.url);
  // Whoever sets it back has to be able to write.
  url.searchParams.set("options", "-c default_transaction_read_only=off");
  const set = (value: string) =>
    queryOnce(
      url.href,
      `alter database "${url.pathname.slice(1)}" set default_transaction_read_only = ${value}`,
    );
  await set("on");
  expect(await checkOf("ap", "database-durability")).toMatchObject({ verdict: "fail" });
  await set("off");
  expect(await checkOf("ap", "database-durability")).toMatchObject({ verdict: "ok" });
});

it("finds a nats-server that is gone, and answers all the same", async () => {
  await bed.cluster.killNats("us");
  const found = await examine("us");
  for (const name of ["log-server-version", "log-streams", "log-store", "trim-permission"])
    expect(found.checks.find((check) => check.name === name)).toMatchObject({ verdict: "fail" });
  expect(found.checks.find(({ name }) => name === "database-version")).toMatchObject({ verdict: "ok" });
});
