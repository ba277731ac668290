/** The main job: written at once here, soon everywhere, exactly once; on one log and on four. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorization } from "../../infra/local/authorization.ts";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { eventually, startGuardedBed, type Bed } from "./cluster/bed.ts";
import { createCollection } from "./cluster/load.ts";
import { send } from "./cluster/request.ts";
import { readMetrics } from "./cluster/metrics.ts";
import { newMetrics } from "../observability/full-metrics.ts";
import { Prometheus } from "../observability/prometheus.ts";
import { promtool } from "../observability/promtool.ts";
import { allRules } from "../observability/rule-files.ts";
import { missingSignals, SIGNALS } from "../observability/signals.ts";

const SCHEMA = {
  fields: {
    displayName: { class: "lww", type: "string" },
    likes: { class: "merge", kind: "counter" },
    tags: { class: "merge", kind: "set" },
    preferences: { class: "merge", kind: "map" },
    choice: { class: "merge", kind: "register" },
    best: { class: "merge", kind: "max" },
  },
};

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

for (const partitions of [1, 4] as const) {
  describe(`three regions, ${partitions} partition(s)`, () => {
    let bed: Bed;

    beforeAll(async () => {
      bed = await startGuardedBed(`main-path-${partitions}`, partitions);
      await createCollection(bed, "people", SCHEMA);
    });

    afterAll(() => bed.stop());

    async function call(
      region: string,
      request: `${"GET" | "PATCH"} ${string}`,
      options: { body?: unknown; headers?: Record<string, string> } = {},
    ): Promise<Answer> {
      const [method, path] = request.split(" ") as [string, string];
      const response = await fetch(`${bed.cluster.region(region).url}${path}`, {
        method,
        headers: {
          ...(options.body === undefined ? {} : { "content-type": "application/json" }),
          ...authorization(bed.cluster.key),
          ...options.headers,
        },
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
      return { status: response.status, headers: response.headers, body };
    }

    const record = (key: string) => `/v1/collections/people/records/${encodeURIComponent(key)}`;

    it("shows a write at once in its region, and soon in the others", async () => {
      const write = {
        set: { displayName: "Ada" },
        inc: { likes: 2 },
        add: { tags: ["x"] },
        put: { preferences: { email: true } },
      };
      const written = await call("eu", `PATCH ${record("ada")}`, { body: write });
      expect(written.status).toBe(202);
      const here = await call("eu", `GET ${record("ada")}`);
      const expected = { displayName: "Ada", likes: 2, tags: ["x"], preferences: { email: true } };
      expect(here.body["fields"]).toEqual(expected);
      for (const region of ["us", "ap"]) {
        const there = await eventually(`${region} has it`, async () => {
          const answer = await call(region, `GET ${record("ada")}`);
          return answer.status === 200 ? answer : undefined;
        });
        expect(there.body["fields"]).toEqual(expected);
      }
    });

    it("reads its own write in another region with its session, and never before", async () => {
      for (let round = 1; round <= 20; round += 1) {
        const written = await call("us", `PATCH ${record("grace")}`, { body: { raise: { best: round } } });
        const session = written.body["session"] as string;
        const read = await call("ap", `GET ${record("grace")}?consistency=session`, {
          headers: { "forebay-session": session },
        });
        expect(read.status).toBe(200);
        expect((read.body["fields"] as { best: number }).best).toBeGreaterThanOrEqual(round);
      }
    });

    it("takes a request once, whichever regions it is sent to", async () => {
      const body = { inc: { likes: 5 } };
      const headers = { "idempotency-key": `once-${partitions}` };
      const answers = await Promise.all(
        ["eu", "us", "ap", "eu"].map((region) => call(region, `PATCH ${record("once")}`, { body, headers })),
      );
      expect(answers.every(({ status }) => status === 202 || status === 200)).toBe(true);
      const operation = answers[0]!.body["operation"] as string;
      expect(new Set(answers.map((answer) => answer.body["operation"])).size).toBe(1);
      for (const region of ["eu", "us", "ap"]) {
        const receipt = await eventually(`${region} knows the outcome`, async () => {
          const answer = await call(region, `GET /v1/operations/${operation}`);
          return answer.body["status"] === "committed" ? answer.body : undefined;
        });
        expect(receipt["position"]).toEqual(
          (await call("eu", `GET /v1/operations/${operation}`)).body["position"],
        );
        const read = await call(region, `GET ${record("once")}`);
        expect(read.body["fields"]).toEqual({ likes: 5 });
      }
      const again = await call("eu", `PATCH ${record("once")}`, { body, headers });
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      const other = await call("eu", `PATCH ${record("once")}`, { body: { inc: { likes: 6 } }, headers });
      expect(other.status).toBe(422);
      expect(other.body["type"]).toBe("urn:forebay:problem:idempotency-key-reused");
    });

    it("answers committed with the position when asked to wait for it", async () => {
      const written = await call("ap", `PATCH ${record("wait")}`, {
        body: { inc: { likes: 1 } },
        headers: { prefer: "wait=committed" },
      });
      expect(written.status).toBe(200);
      expect(written.body["status"]).toBe("committed");
      expect(written.body["position"]).toMatchObject({ sequence: expect.any(Number) as number });
    });

    it("keeps concurrent values of a register, and shows both regions the same", async () => {
      await Promise.all([
        call("eu", `PATCH ${record("both")}`, { body: { set: { choice: "tea" } } }),
        call("ap", `PATCH ${record("both")}`, { body: { set: { choice: "coffee" } } }),
      ]);
      const seen = await eventually("regions agree", async () => {
        const views = await Promise.all(
          ["eu", "us", "ap"].map((region) => call(region, `GET ${record("both")}`)),
        );
        const settled = views.every((view) => view.status === 200 && view.body["pending"] === 0);
        const texts = new Set(views.map((view) => JSON.stringify(view.body["fields"])));
        const choices = (views[0]!.body["fields"] as { choice: string[] } | undefined)?.choice ?? [];
        return settled && texts.size === 1 && choices.length > 0 ? choices : undefined;
      });
      for (const value of seen) expect(["tea", "coffee"]).toContain(value);
    });

    it("lists records over committed and pending in the order of their keys, page by page", async () => {
      const keys = ["list/b", "list/a", "list/é", "list/c", "list/%", "list/_", "list/{t}1", "list/{t}2"];
      for (const key of keys) await call("us", `PATCH ${record(key)}`, { body: { inc: { likes: 1 } } });
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const query = new URLSearchParams({
          prefix: "list/",
          limit: "3",
          ...(cursor === undefined ? {} : { cursor }),
        });
        const page = await call("us", `GET /v1/collections/people/records?${query.toString()}`);
        listed.push(...(page.body["records"] as { key: string }[]).map(({ key }) => key));
        cursor = page.body["next_cursor"] as string | undefined;
      } while (cursor !== undefined);
      expect(listed).toEqual(
        keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
      );
    });

    it("names each partition's leader, its term and every region's positions", async () => {
      const { body } = await eventually("status is complete", async () => {
        const answer = await call("eu", "GET /v1/status");
        const all = answer.body["partitions"] as { leader?: string; term?: number; regions: unknown[] }[];
        return all.every(({ leader, term }) => leader !== undefined && term !== undefined)
          ? answer
          : undefined;
      });
      const all = body["partitions"] as { leader: string; regions: { region: string }[] }[];
      expect(all.length).toBe(partitions);
      for (const partition of all) {
        expect(["eu", "us", "ap"]).toContain(partition.leader);
        expect(partition.regions.map(({ region }) => region).toSorted()).toEqual(["ap", "eu", "us"]);
      }
    });

    it("tells Prometheus all that operators are promised", async () => {
      for (const region of ["eu", "us", "ap"]) await decideSomething(region);
      await eventually("two regions were at odds", async () => {
        await Promise.all(
          ["eu", "ap"].map((region) =>
            call(region, `PATCH ${record("odds")}`, { body: { set: { displayName: region } } }),
          ),
        );
        const samples = await readMetrics(bed.cluster.region("us").url);
        return samples.some(({ name }) => name === "forebay_fold_conflicts_total") ? true : undefined;
      });
      const verify = await send(`${bed.cluster.region("eu").url}/v1/verify`, {
        method: "POST",
        body: {},
        headers: authorization(bed.cluster.key),
      });
      expect(verify?.status).toBe(202);
      await eventually("every signal is told", async () => {
        for (const { name, url } of bed.cluster.regions) {
          const expected = SIGNALS.filter(({ isOfOne }) => isOfOne !== true || name === "eu");
          const missing = missingSignals(await readMetrics(url), expected);
          if (missing.length > 0) throw new Error(`${name} does not tell ${missing.join("; ")}`);
        }
        return true;
      });
    });

    it("tells Prometheus what the rules are checked against, and in its language", async () => {
      const text = await (await fetch(`${bed.cluster.region("us").url}/metrics`)).text();
      expect(await promtool(["check", "metrics"], text)).toEqual({ isGood: true, text: "" });
      const { meter } = newMetrics({ partitions, regions: ["us", "eu", "ap"] });
      const told = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
      expect(told.toSorted()).toEqual(
        meter
          .registered()
          .map(({ name, type }) => `${name} ${type}`)
          .toSorted(),
      );
    });

    it("lets Prometheus evaluate every rule, and finds nobody hurt", async () => {
      const folder = makeTemporaryFolder(`prometheus-${partitions}`);
      const targets = bed.cluster.regions.map(({ name, url }) => ({
        region: name,
        address: new URL(url).host,
      }));
      const prometheus = await Prometheus.start({ folder: folder.path, targets });
      try {
        await eventually("all regions are scraped, and all rules evaluated", async () => {
          const rules = await prometheus.rules();
          const failed = rules.find(({ health }) => health !== "ok");
          if (failed !== undefined) throw new Error(`${failed.name}: ${failed.lastError ?? failed.health}`);
          const up = await prometheus.query('up{job="forebay"} == 1');
          const lags = await prometheus.query("region:forebay_unfolded_entries:max");
          return rules.length === allRules().length && up.length === 3 && lags.length === 3 * partitions
            ? true
            : undefined;
        });
        const firing = await prometheus.query('ALERTS{alertstate="firing"}');
        expect(firing.map(({ labels }) => labels["alertname"])).toEqual([]);
        const leads = await prometheus.query("max by (partition, leader) (forebay_log_leader) == 1");
        expect(leads).toHaveLength(partitions);
      } finally {
        await prometheus.stop();
        folder.remove();
      }
    });

    async function decideSomething(region: string): Promise<void> {
      const key = `decided-${region}`;
      await call(region, `PATCH ${record(key)}`, { body: { inc: { likes: 1 } } });
      const body = { authoritative: true, inc: { likes: 1 } };
      expect((await call(region, `PATCH ${record(key)}`, { body })).status).toBe(200);
      expect((await call(region, `GET ${record(key)}`)).status).toBe(200);
    }
  });
}
