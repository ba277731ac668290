/**
 * Regions that run the release before this one are upgraded one after the other while apps write, one is rolled back on the
 * way: no write fails, none is lost, and all regions hold the same. What only the new release reads is refused until all
 * processes of all regions read it; from then on the old release folds no more.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENTRY_VERSION } from "../../../services/protocol/entry-codec.ts";
import { eventually } from "../cluster/bed.ts";
import { queryOnce } from "../postgres/server.ts";
import { MixedCluster, REGIONS } from "./mixed-cluster.ts";
import { PREVIOUS_RELEASE } from "./previous-release.ts";
import { SdkLoad, visits } from "./sdk-load.ts";

const WRITES_PER_SECOND = 50;
const INDEXED = { fields: { name: { class: "lww", type: "string", index: true } } };
const LONG_MS = 240_000;

let mixed: MixedCluster;
let load: SdkLoad;
let second: Awaited<ReturnType<MixedCluster["addGateway"]>>;

beforeAll(async () => {
  mixed = await MixedCluster.start("upgrade");
  second = await mixed.addGateway("eu", "previous");
  const made = await mixed.putSchema("eu", visits.name, visits.schema);
  expect(made.status).toBe(200);
  for (const region of REGIONS)
    await eventually(`${region} has the collection`, async () => {
      const collections = await mixed.withStore(region, (store) => store.readCollections(0));
      return collections.length > 0 ? true : undefined;
    });
  load = new SdkLoad(mixed.cluster);
  load.start({ writesPerSecond: WRITES_PER_SECOND });
}, LONG_MS);
afterAll(async () => {
  await load?.stop();
  await mixed?.stop();
}, LONG_MS);

async function writesGoOn(): Promise<void> {
  const goal = load.report.acknowledged + WRITES_PER_SECOND;
  await eventually("writes go on", () => (load.report.acknowledged >= goal ? true : undefined));
  expect(load.report.failed).toEqual([]);
}

async function expectSame(): Promise<void> {
  const { verdict, digests } = await mixed.verify("eu");
  expect(verdict).toBe("match");
  expect(new Set(digests).size).toBe(1);
}

const softwareReads = async (region: string, reads: number) =>
  eventually(`ticks of ${region} say ${reads}`, async () =>
    (await mixed.ticksOf("us"))[region] === reads ? true : undefined,
  );

it(
  "a region with an old process beside the new one promises what both read",
  async () => {
    await mixed.run("eu", "this");
    // The old one is kept from renewing its roles until the new one has them.
    process.kill(second.pid!, "SIGSTOP");
    try {
      await eventually("the new process folds", async () => {
        const { postgres } = mixed.cluster.region("eu");
        const rows = await queryOnce<{ role: string }>(
          postgres.url,
          "select r.role from roles r join processes p on p.id = r.holder where r.expires_at > clock_timestamp()",
        );
        return rows.length === 2 ? true : undefined;
      });
    } finally {
      process.kill(second.pid!, "SIGCONT");
    }
    const tickOfEu = async () => {
      const { origins } = await mixed.withStore("us", (store) => store.readPositions(0));
      return origins["eu"]!.tick!;
    };
    const before = await tickOfEu();
    // Each that was seen: one that promises too much for a moment is one too many.
    const promised = new Set<number>();
    await eventually("some ticks of the new process are folded elsewhere", async () => {
      const { reads, logTimeMs } = await tickOfEu();
      promised.add(reads);
      return logTimeMs - before.logTimeMs > 3_000 ? true : undefined;
    });
    expect([...promised]).toEqual([PREVIOUS_RELEASE.reads]);
    await writesGoOn();
    await expectSame();
  },
  LONG_MS,
);

it(
  "all regions but one old process: what only the new release reads is refused, with who is in the way",
  async () => {
    await mixed.run("us", "this");
    await writesGoOn();
    await mixed.run("ap", "this");
    await softwareReads("us", ENTRY_VERSION);
    await softwareReads("ap", ENTRY_VERSION);
    await eventually("eu alone is in the way", async () => {
      const answer = await mixed.putSchema("us", "indexed", INDEXED);
      const { detail } = (await answer.json()) as { detail: string };
      expect(answer.status).toBe(503);
      expect(detail).toMatch(/still runs software that can't read such entries/);
      return detail.startsWith("eu still") ? true : undefined;
    });
    await writesGoOn();
    await expectSame();
  },
  LONG_MS,
);

it(
  "a region can be rolled back as long as nothing of the new release was used",
  async () => {
    await mixed.run("us", "previous");
    await softwareReads("us", PREVIOUS_RELEASE.reads);
    await writesGoOn();
    await expectSame();
    await mixed.run("us", "this");
    await softwareReads("us", ENTRY_VERSION);
    await writesGoOn();
  },
  LONG_MS,
);

it(
  "once the last old process is gone, it is accepted and used",
  async () => {
    await second.stop();
    await mixed.addGateway("eu", "this");
    await eventually("the schema is taken", async () =>
      (await mixed.putSchema("us", "indexed", INDEXED)).status === 200 ? true : undefined,
    );
    for (const region of REGIONS)
      await eventually(`${region} needs it from now on`, async () => {
        const [needed] = await mixed.withStore(region, (store) => store.neededVersions());
        return needed?.version === ENTRY_VERSION ? true : undefined;
      });
    await writesGoOn();
    await expectSame();
  },
  LONG_MS,
);

it(
  "from then on the old release is refused the role of applier, and its log says what to run",
  async () => {
    await mixed.run("ap", "previous");
    const reason = `partition 0 holds what entries of version ${ENTRY_VERSION} have made`;
    await eventually("its log says why", () =>
      readFileSync(mixed.logPath("ap"), "utf8").includes(reason) ? true : undefined,
    );
    const before = await mixed.withStore("ap", (store) => store.readPositions(0));
    await writesGoOn();
    const after = await mixed.withStore("ap", (store) => store.readPositions(0));
    expect(after.position).toBe(before.position);
    await mixed.run("ap", "this");
    await writesGoOn();
  },
  LONG_MS,
);

it(
  "this release does not start on a state of a later one, and goes on once that is not so",
  async () => {
    const { postgres, url } = mixed.cluster.region("ap");
    const need = (version: number) =>
      queryOnce(postgres.url, "update entry_versions set needed = $1, needed_by = '9.9.9'", [version]);
    await mixed.cluster.stopRegion("ap");
    await need(ENTRY_VERSION + 1);
    const started = mixed.cluster.startRegion("ap");
    await eventually("it says why it is not ready", async () => {
      const text = await (await fetch(`${url}/readyz`)).text();
      return text.includes(`entries of version ${ENTRY_VERSION + 1}`) && text.includes("start 9.9.9 or later")
        ? true
        : undefined;
    });
    await need(ENTRY_VERSION);
    await started;
    await writesGoOn();
  },
  LONG_MS,
);

it(
  "no write has failed, none is lost, none counts twice, and all regions hold the same",
  async () => {
    const { failed, acknowledged } = await load.stop();
    expect(failed).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    for (const region of REGIONS) expect(await load.differences(region)).toEqual([]);
    await expectSame();
  },
  LONG_MS,
);
