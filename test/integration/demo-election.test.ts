/** `npm run demo:election -- --short` as a user runs it: the whole story, its report and its figure, and nothing left behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../infra/local/temporary-folder.ts";
import { packageRoot } from "../../services/runtime/package-root.ts";
import { eventually } from "./cluster/bed.ts";

const MAIN = join(packageRoot(), "dist/infra/demo/election/main.js");
const LIMIT_MS = 150_000;
const folder = makeTemporaryFolder("demo-test");
afterAll(() => folder.remove());

function start(...options: string[]) {
  const child = spawn(process.execPath, [MAIN, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: folder.path },
  });
  const parts: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => parts.push(chunk.toString()));
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return { child, exited, output: () => parts.join("") };
}

it(
  "tells the story to its end, with a report and a figure",
  async () => {
    const figure = join(folder.path, "election.svg");
    const demo = start("--short", "--rate", "30", "--authoritative-rate", "5", "--figure", figure);
    const code = await demo.exited;
    const output = demo.output();
    expect(code, output).toBe(0);
    for (const event of ["killed", "flapped", "cut off"])
      expect(output).toMatch(new RegExp(`^\\d+ s: leader (eu|us|ap) ${event} +0 of [1-9]`, "m"));
    expect(output).toMatch(/^local writes failed +0 of [1-9][\d,]+$/m);
    expect(output).toMatch(/^digests +equal in all regions \(\d+ records\)$/m);
    expect(output).toMatch(/^passed: /m);
    expect(output).toContain(`figure: ${figure}`);
    expect(output).not.toContain("\u001b");
    const drawn = readFileSync(figure, "utf8");
    expect(drawn).toMatch(
      /<title>0 of [\d,]+ local writes failed while the log lost its leader \d+ times<\/title>/,
    );
    for (const panel of ["local-latency", "authoritative", "buffer"])
      expect(drawn).toContain(`<g id="${panel}">`);
    expect(drawn.match(/class="band"/g)).toHaveLength(9);
  },
  LIMIT_MS,
);

it(
  "stops all that it started when it is interrupted",
  async () => {
    const demo = start("--short", "--rate", "5");
    const isUnderWay = () => (demo.output().includes("was killed") ? true : undefined);
    await eventually("the first event", isUnderWay, LIMIT_MS);
    const clusters = () => readdirSync(folder.path).filter((name) => name.startsWith("forebay-election-"));
    const [data] = clusters();
    const pids = pidsIn(join(folder.path, data!, "cluster.json"));
    expect(pids.length).toBeGreaterThan(3);
    demo.child.kill("SIGINT");
    expect(await demo.exited).toBe(1);
    expect(demo.output()).toContain("election: stopped");
    expect(pids.filter(isAlive)).toEqual([]);
    expect(clusters()).toEqual([]);
  },
  LIMIT_MS,
);

function pidsIn(path: string): number[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/"pid": (\d+)/g)].map(([, pid]) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
