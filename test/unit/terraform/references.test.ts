/** Every name in the Terraform tree means something, and nothing is declared that nobody uses; a misspelt name is found. */
import { describe, expect, it } from "vitest";
import { findReferenceProblems } from "../../terraform/references.ts";
import { parseModules, readTexts, withChange } from "../../terraform/tree.ts";

const texts = readTexts();

async function problemsWith(change: {
  readonly path: string;
  readonly from: string | RegExp;
  readonly to: string;
}) {
  const changed = withChange(texts, change);
  return findReferenceProblems(await parseModules(changed), changed);
}

describe("the Terraform tree", () => {
  it("is HCL, with every name resolved and none for nothing", async () => {
    const modules = await parseModules(texts);
    expect(modules.length).toBeGreaterThan(20);
    expect(findReferenceProblems(modules, texts)).toEqual([]);
  });
});

describe("what is found", () => {
  const POSTGRES = "modules/postgres/main.tf";
  it.each([
    [
      "a misspelt variable",
      { path: POSTGRES, from: "var.kms_key_arn", to: "var.kms_key_arm" },
      `${POSTGRES}: there is no var.kms_key_arm`,
    ],
    [
      "a misspelt local",
      { path: POSTGRES, from: "local.database", to: "local.databse" },
      `${POSTGRES}: there is no local.databse`,
    ],
    [
      "a misspelt resource",
      { path: POSTGRES, from: "aws_iam_role.monitoring.arn", to: "aws_iam_role.monitor.arn" },
      `${POSTGRES}: there is no aws_iam_role.monitor`,
    ],
    [
      "a misspelt data source",
      {
        path: "modules/nats/main.tf",
        from: "data.aws_ssm_parameter.image.insecure_value",
        to: "data.aws_ssm_parameter.images.insecure_value",
      },
      "modules/nats/main.tf: there is no data.aws_ssm_parameter.images",
    ],
    [
      "a misspelt output of a module",
      {
        path: "modules/site/main.tf",
        from: "module.network.nats_subnet_id",
        to: "module.network.nats_subnet",
      },
      "modules/site/main.tf: module network has no output nats_subnet",
    ],
    [
      "an output behind an index",
      {
        path: "environments/aws-three-regions/state/outputs.tf",
        from: "[module.deployment.home].name",
        to: "[module.deployment.home].nme",
      },
      "environments/aws-three-regions/state/outputs.tf: module bucket has no output nme",
    ],
    [
      "a misspelt argument of a module",
      { path: "modules/site/main.tf", from: "peer_nats_ranges =", to: "peer_ranges =" },
      "modules/site/main.tf: module firewall takes no peer_ranges",
    ],
    [
      "an argument that is missing",
      { path: "modules/site/main.tf", from: /\n\s+peer_nats_ranges = .*/, to: "" },
      "modules/site/main.tf: module firewall is not given peer_nats_ranges",
    ],
    [
      "a variable for nothing",
      {
        path: "modules/postgres/variables.tf",
        from: 'variable "port"',
        to: 'variable "idle" {}\nvariable "port"',
      },
      "modules/postgres/variables.tf: nobody uses var.idle",
    ],
    [
      "an output for nothing",
      {
        path: "modules/postgres/outputs.tf",
        from: 'output "identifier"',
        to: 'output "idle" {\n  value = 1\n}\noutput "identifier"',
      },
      "modules/postgres: nobody uses output idle",
    ],
    [
      "a name in a template that it is not given",
      {
        path: "modules/nats/cloud-init.yaml.tftpl",
        from: "hostname: nats-${region}",
        to: "hostname: nats-${regoin}",
      },
      "modules/nats/cloud-init.yaml.tftpl: is not given regoin",
    ],
  ])("%s", async (_, change, problem) => {
    expect(await problemsWith(change)).toContain(problem);
  });

  it("what is no HCL, with its place", async () => {
    const broken = withChange(texts, {
      path: POSTGRES,
      from: 'resource "aws_db_instance" "this" {',
      to: 'resource "aws_db_instance" "this" ',
    });
    await expect(parseModules(broken)).rejects.toThrow(/postgres\/main\.tf/);
  });
});
