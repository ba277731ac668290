/** A cut link is told from a region that is gone by who hears whom. */
import { describe, expect, it } from "vitest";
import { findingsOf, linkOf, partitionReport, peersOf, Reporting } from "./reports.ts";

describe("links", () => {
  it("carry messages where all hear each other", () => {
    const view = new Reporting().seconds(3);
    expect(new Set(view.links.map(({ state }) => state))).toEqual(new Set(["ok"]));
    expect(view.links).toHaveLength(6);
    expect(view.level).toBe("ok");
    expect(view.findings).toEqual([]);
  });

  it("are cut where one end is silent here and heard elsewhere, as soon as two seconds have passed", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const others = { us: false, ap: { report: { peers: peersOf("ap") } } } as const;
    cluster.second(others);
    const early = cluster.look(900);
    expect(linkOf(early, "us", "eu")).toBe("ok");
    const view = cluster.second(others);
    expect(linkOf(view, "us", "eu")).toBe("cut");
    expect(view.regions.find(({ region }) => region === "us")).toMatchObject({
      state: "silent",
      heard_by: ["ap"],
    });
    expect(findingsOf(view)).toContain("risk link-cut:us:eu");
    expect(findingsOf(view).filter((text) => text.includes("region-silent"))).toEqual([]);
    expect(view.events.map(({ kind }) => kind)).toEqual(["region-silent", "link-cut"]);
  });

  it("are dark where nobody hears the one end: the region is gone, or cut off from all", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const view = cluster.seconds(3, { us: false, ap: { report: { peers: peersOf("ap", { us: 3_000 }) } } });
    expect([linkOf(view, "us", "eu"), linkOf(view, "us", "ap"), linkOf(view, "eu", "us")]).toEqual([
      "dark",
      "dark",
      "dark",
    ]);
    expect(linkOf(view, "ap", "eu")).toBe("ok");
    expect(findingsOf(view)).toContain("hurt region-silent:us");
    expect(findingsOf(view)).toContain("risk quorum-at-risk");
  });

  it("between two others are cut by the word of one of them, also one way", () => {
    const cluster = new Reporting("ap");
    cluster.seconds(3);
    const view = cluster.second({ us: { report: { peers: peersOf("us", { eu: 2_500 }) } } });
    expect(linkOf(view, "eu", "us")).toBe("cut");
    expect(linkOf(view, "us", "eu")).toBe("ok");
    expect(findingsOf(view)).toEqual(["risk link-cut:eu:us"]);
  });

  it("are not cut by the silence of one who has just begun to listen", () => {
    const cluster = new Reporting("eu");
    const report = { started_at: 1, sent_at: 1_001, peers: [] };
    expect(linkOf(cluster.seconds(3, { us: { report } }), "ap", "us")).toBe("dark");
  });

  it("heal, and the finding goes", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    cluster.seconds(4, { us: false });
    const view = cluster.second();
    expect(linkOf(view, "us", "eu")).toBe("ok");
    expect(view.findings).toEqual([]);
    expect(view.events.map(({ kind }) => kind)).toEqual([
      "region-silent",
      "link-cut",
      "region-heard",
      "link-healed",
    ]);
  });

  it("say nothing of the silence of a region that is a member no more", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const partition = { members: ["ap", "eu"] };
    const report = { peers: peersOf("ap", { us: 9_000 }), partitions: [partitionReport(partition)] };
    const view = cluster.seconds(6, { us: false, ap: { report }, eu: { partition } });
    expect(findingsOf(view)).toEqual([]);
    expect(view.lags.filter(({ origin, region }) => origin === "us" || region === "us")).toEqual([]);
  });

  it("say nothing of who was not heard yet by a viewer that has just begun to listen", () => {
    const cluster = new Reporting("eu");
    expect(findingsOf(cluster.seconds(2, { us: false, ap: false }))).toEqual([]);
    expect(findingsOf(cluster.seconds(5, { us: false, ap: false }))).toContain("hurt isolated:eu");
  });

  it("say nothing of the others where this region hears nobody: it is this one", () => {
    const cluster = new Reporting("eu");
    cluster.seconds(3);
    const view = cluster.seconds(4, { us: false, ap: false });
    expect(findingsOf(view)).toContain("hurt isolated:eu");
    expect(findingsOf(view).filter((text) => text.includes("region-silent"))).toEqual([]);
  });
});
