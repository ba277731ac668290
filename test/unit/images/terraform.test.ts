/** What Terraform's tasks assume of the image is so. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DOCKERFILE } from "../../../infra/images/build.ts";
import { FILES_FOLDER } from "../../../infra/images/contained.ts";
import { parseImageFile, settingOf } from "../../../infra/images/dockerfile.ts";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { readTexts } from "../../terraform/tree.ts";

const texts = readTexts();
const TASK = "modules/region/task.tf";

/** What of the image the tasks say otherwise. */
function differences(dockerfile: string, task: string, ports: string): readonly string[] {
  const stage = parseImageFile(dockerfile).stages.at(-1)!;
  const port = /\bhttp\s*=\s*(\d+)/.exec(ports)?.[1];
  const [, check = ""] = settingOf(stage, "HEALTHCHECK")!.split(/\bCMD (?=\[)/);
  const [, , script = ""] = JSON.parse(check) as string[];
  const ofTask = /"--eval", "(fetch\([^"]*)"/.exec(task)?.[1]?.replace("${var.ports.http}", "PORT");
  const ofImage = script.replaceAll("`", "'").replace(/\$\{process\.env\.FOREBAY_HTTP_PORT\}/, "PORT");
  const same: [string, unknown, unknown][] = [
    ["user", settingOf(stage, "USER"), /\buser = "([\d:]+)"/.exec(task)?.[1]],
    ["port", settingOf(stage, "EXPOSE"), port],
    ["health check", ofImage, ofTask],
    [
      "entry point",
      JSON.parse(settingOf(stage, "ENTRYPOINT")!)[0],
      /entryPoint\s*=\s*\["(\w+)"/.exec(task)?.[1],
    ],
    ["root", "true", /readonlyRootFilesystem = (\w+)/.exec(task)?.[1]],
  ];
  return same
    .filter(([, image, told]) => image === undefined || image !== told)
    .map(([what, image, told]) => `${what}: the image has ${String(image)}, tasks have ${String(told)}`);
}

const dockerfile = readFileSync(join(packageRoot(), DOCKERFILE), "utf8");
const task = texts.get(TASK)!;
const ports = texts.get("modules/ports/outputs.tf")!;

describe("Terraform's tasks", () => {
  it("run the image as what it is", () => {
    expect(differences(dockerfile, task, ports)).toEqual([]);
  });

  it("mount their files where the image has room for them", () => {
    expect(texts.get("modules/process-environment/main.tf")).toContain(`"${FILES_FOLDER}"`);
  });
});

describe("a planted difference is found", () => {
  it("another user, another port, another check, a root that can be written", () => {
    const changed = task
      .replace('user = "1000:1000"', 'user = "1001:1001"')
      .replace("/livez", "/lives")
      .replace("readonlyRootFilesystem = true", "readonlyRootFilesystem = false");
    const found = differences(dockerfile, changed, ports.replace("7100", "7101"));
    expect(found.map((text) => text.split(":")[0])).toEqual(["user", "port", "health check", "root"]);
  });
});
