/**
 * Builds the image's files where there is no engine: reads the Dockerfile and does its steps, each stage in a folder of its own.
 *
 * FROM names what can't be had here; the machine's own system stands in for it. So steps of the Dockerfile may use the programs of a
 * Debian with node, and write below their WORKDIR alone.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { runCommand } from "../local/command.ts";
import { copyInto, readAllowedOf } from "./context.ts";
import { parseImageFile, type Stage, type Step } from "./dockerfile.ts";

export interface ImageBuild {
  /** The tree that the image is of: the context of the build. */
  readonly root: string;
  /** Empty; gets a folder per stage. */
  readonly folder: string;
  /** Does a RUN step in another way, and says so by returning true; for tests that have its results. */
  readonly instead?: (run: {
    readonly stage: string;
    readonly command: string;
    readonly at: string;
  }) => boolean;
  readonly onStep?: (text: string) => void;
  /** Before all else on PATH: where node is that the image is to have. */
  readonly nodeFolder?: string;
}

export interface BuiltImage {
  /** The image's root filesystem. */
  readonly root: string;
  /** Of the last stage. */
  readonly stage: Stage;
}

export const DOCKERFILE = "infra/images/region/Dockerfile";
const STEP_TIMEOUT_MS = 300_000;

/** @throws {CommandError} where a step fails. @throws {Error} where the Dockerfile has what can't be done here. */
export async function buildImage(build: ImageBuild): Promise<BuiltImage> {
  if (process.platform !== "linux")
    throw new Error("the image is of Linux: build it there, or with an engine");
  const { stages } = parseImageFile(readFileSync(join(build.root, DOCKERFILE), "utf8"));
  const allowed = readAllowedOf(build.root);
  for (const [index, stage] of stages.entries()) {
    const place = { ...build, allowed, stage: nameOf(stage, index), at: "/" };
    mkdirSync(join(build.folder, place.stage), { recursive: true });
    for (const step of stage.steps) await doStep(place, step);
  }
  const last = stages.length - 1;
  return { root: join(build.folder, nameOf(stages[last]!, last)), stage: stages[last]! };
}

/** Where a stage's steps are done. */
interface Place extends ImageBuild {
  readonly allowed: ReadonlySet<string>;
  readonly stage: string;
  /** The working folder, in the image. */
  at: string;
}

const nameOf = ({ name }: Stage, index: number) => name ?? `stage-${index}`;

async function doStep(place: Place, step: Step): Promise<void> {
  switch (step.kind) {
    case "workdir":
      place.at = step.path;
      mkdirSync(inStage(place, "."), { recursive: true });
      return;
    case "copy":
      place.onStep?.(`${place.stage}: COPY ${step.sources.join(" ")}`);
      for (const source of step.sources)
        copyInto(sourceOf(place, step.from, source), inStage(place, step.target), step.from !== undefined);
      return;
    case "run":
      place.onStep?.(`${place.stage}: RUN ${step.command}`);
      return run(place, step.command);
    case "other":
      return;
  }
}

async function run(place: Place, command: string): Promise<void> {
  const at = inStage(place, ".");
  if (place.instead?.({ stage: place.stage, command, at }) === true) return;
  const path = [place.nodeFolder, process.env["PATH"]].filter((part) => part !== undefined).join(":");
  const options = {
    workingFolder: at,
    timeoutMs: STEP_TIMEOUT_MS,
    environment: { ...process.env, PATH: path },
  };
  await runCommand("/bin/sh", ["-c", command], options);
}

/** @throws {Error} where a path leads out of the stage. */
function inStage({ folder, stage, at }: Place, path: string): string {
  const inside = isAbsolute(path) ? path : join(at, path);
  const kept = normalize(inside);
  if (kept.split("/").includes("..")) throw new Error(`${path} leads out of stage ${stage}`);
  return join(folder, stage, kept) + (path.endsWith("/") && !kept.endsWith("/") ? "/" : "");
}

function sourceOf({ root, folder, allowed }: Place, from: string | undefined, path: string): string {
  if (from !== undefined) return join(folder, from, path);
  const [first = ""] = normalize(path).split("/");
  if (!allowed.has(first)) throw new Error(`COPY ${path}: .dockerignore keeps it out`);
  return join(root, path);
}
