/** Terraform itself, where the machine has it: format, the modules' own tests, and a plan of every topology that processes can start with. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { packageRoot } from "../../../services/runtime/package-root.ts";
import { INIT, findTerraform, hasProviders, type Terraform } from "../../terraform/program.ts";
import { configOf, type ProcessTold } from "../../terraform/process-environment.ts";
import { readTexts } from "../../terraform/tree.ts";

const REGIONS = join(packageRoot(), "regions");
const PLAN = "environments/local-check";
/** Folders with tests of their own. */
const TESTED = [
  ...new Set(
    [...readTexts().keys()]
      .filter((path) => path.endsWith(".tftest.hcl"))
      .map((path) => path.split("/").slice(0, 2).join("/")),
  ),
];

const ROOTS = ["state", "shared", "eu", "links"].map((name) => `environments/aws-three-regions/${name}`);

let terraform: Terraform | undefined;

beforeAll(async () => {
  terraform = await findTerraform();
});

afterAll(() => terraform?.stop());

function terraformOf({ skip }: TestContext): Terraform {
  return terraform ?? skip("there is no terraform of at least 1.11 on PATH");
}

describe("Terraform", () => {
  it("has nothing to format", async (context) => {
    const { run } = terraformOf(context);
    expect(await run(".", ["fmt", "-check", "-recursive", "-list=true"])).toBe("");
  });

  for (const folder of TESTED) {
    it(`passes the tests of ${folder}`, async (context) => {
      const { run } = terraformOf(context);
      await run(folder, INIT);
      expect(await run(folder, ["test", "-no-color"])).toMatch(/Success! [1-9]\d* passed, 0 failed\./);
    });
  }

  for (const root of ROOTS) {
    it(`finds ${root} valid, with its providers`, async (context) => {
      const { run } = terraformOf(context);
      if (!hasProviders(root)) context.skip("nobody has run terraform init in it, which takes the network");
      expect(await run(root, ["validate", "-no-color"])).toContain("Success!");
    });
  }

  for (const file of readdirSync(REGIONS)) {
    it(`plans regions/${file}, and processes can start with what they are told`, async (context) => {
      const { run, scratch } = terraformOf(context);
      const state = `-state=${join(scratch, `${file}.tfstate`)}`;
      await run(PLAN, INIT);
      await run(PLAN, [
        "apply",
        "-auto-approve",
        "-input=false",
        "-no-color",
        state,
        `-var=topology_file=${file}`,
      ]);
      const told = JSON.parse(await run(PLAN, ["output", "-json", state, "processes"])) as Record<
        string,
        ProcessTold
      >;
      const topologyText = readFileSync(join(REGIONS, file), "utf8");
      for (const [region, one] of Object.entries(told)) {
        const config = configOf(one, topologyText);
        expect(config.region).toBe(region);
        expect(config.http).toMatchObject({ host: "0.0.0.0", port: 7100 });
        expect(new URL(config.nats.url).protocol).toBe("tls:");
      }
      expect(Object.keys(told).length).toBeGreaterThan(0);
    });
  }
});
