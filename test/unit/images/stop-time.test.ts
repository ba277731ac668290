/** Whoever stops a process gives it the time that its departure may take: killed before, it has not answered what was under way. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEPARTURE_MS } from "../../../services/region/departure.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { OPTIONS } from "../../../services/runtime/config/schema.ts";
import { readComposition } from "../../images/compose-rules.ts";

const read = (path: string) => readFileSync(join(packageRoot(), path), "utf8");
const TASK = read("terraform/modules/region/task.tf");
const COMPOSITION = read("infra/compose/three-regions.yaml");
const GUIDE = read("infra/images/README.md");

function departureSeconds(): number {
  const notice = OPTIONS.http.stopNoticeMs.read(undefined);
  if ("problem" in notice) throw new Error(notice.problem);
  return (notice.value + DEPARTURE_MS) / 1_000;
}

/** By who stops the process; NaN where nothing is said. */
function secondsGiven(task: string, composition: string, guide: string): Readonly<Record<string, number>> {
  const [, ofTask] = /name\s*= local\.main_container[^]*?stopTimeout\s*=\s*(\d+)/.exec(task) ?? [];
  const services = Object.entries(readComposition(composition).services);
  const composed = services.filter(([name]) => name.startsWith("region-"));
  return {
    task: Number(ofTask),
    guide: Number(/--stop-timeout (\d+)/.exec(guide)?.[1]),
    ...Object.fromEntries(
      composed.map(([name, { stop_grace_period: given }]) => [
        name,
        Number(/^(\d+)s$/.exec(given ?? "")?.[1]),
      ]),
    ),
  };
}

const tooShort = (given: Readonly<Record<string, number>>) =>
  Object.keys(given).filter((who) => !(given[who]! >= departureSeconds()));

describe("the time to stop", () => {
  it("is given by tasks, the composition and the guide", () => {
    const given = secondsGiven(TASK, COMPOSITION, GUIDE);
    expect(Object.keys(given)).toEqual(["task", "guide", "region-eu", "region-us", "region-ap"]);
    expect(tooShort(given)).toEqual([]);
  });

  it("is found too short, or not said, where that is planted", () => {
    const given = secondsGiven(
      TASK.replace("stopTimeout = 30", "stopTimeout = 16"),
      COMPOSITION.replace("  stop_grace_period: 30s\n", ""),
      GUIDE.replace("--stop-timeout 30 ", ""),
    );
    expect(tooShort(given)).toEqual(Object.keys(given));
  });
});
