/** The Terraform tree is safe, by rule; each rule finds the mistake that it is for, planted in memory. */
import { describe, expect, it } from "vitest";
import { SAFETY_RULES } from "../../terraform/security.ts";
import { parseModules, readTexts, resourcesOf, withChange } from "../../terraform/tree.ts";

const texts = readTexts();

const POSTGRES = "modules/postgres/main.tf";
const NATS = "modules/nats/main.tf";
const BUCKET = "modules/region/logs-bucket.tf";
const BALANCER = "modules/region/balancer.tf";

/** The rule that must speak, the file, what is changed in it. */
const PLANTS: readonly (readonly [string, string, string | RegExp, string])[] = [
  [
    "the internet reaches the balancer's 443, and nothing else",
    "modules/firewall/ingress.tf",
    "referenced_security_group_id = aws_security_group.balancer.id",
    'cidr_ipv4 = "0.0.0.0/0"',
  ],
  [
    "the internet reaches the balancer's 443, and nothing else",
    "modules/firewall/ingress.tf",
    /from_port {9}= var\.ports\.public\n/,
    "from_port = var.ports.http\n",
  ],
  [
    "the internet reaches the balancer's 443, and nothing else",
    "modules/firewall/ingress.tf",
    /cidr_ipv4( +)= each\.value/,
    'cidr_ipv6 = "::/0"',
  ],
  [
    "what goes out to the internet is TLS",
    "modules/firewall/egress.tf",
    /(process_to_internet[^}]*from_port *= var\.ports\.)public/,
    "$1http",
  ],
  [
    "security groups have one rule per resource, each for one TCP port",
    "modules/firewall/main.tf",
    'description = "Region processes."',
    'description = "x"\n  ingress {\n    from_port = 0\n  }',
  ],
  [
    "security groups have one rule per resource, each for one TCP port",
    "modules/firewall/ingress.tf",
    'ip_protocol       = "tcp"',
    'ip_protocol = "-1"',
  ],
  [
    "databases are encrypted, private, in two zones, backed up and protected",
    POSTGRES,
    /publicly_accessible( +)= false/,
    "publicly_accessible = true",
  ],
  [
    "databases are encrypted, private, in two zones, backed up and protected",
    POSTGRES,
    /storage_encrypted .*/,
    "",
  ],
  [
    "databases are encrypted, private, in two zones, backed up and protected",
    POSTGRES,
    "deletion_protection = var.is_protected",
    "deletion_protection = false",
  ],
  [
    "databases are encrypted, private, in two zones, backed up and protected",
    POSTGRES,
    /skip_final_snapshot( +)= false/,
    "skip_final_snapshot = true",
  ],
  [
    "volumes are encrypted with a key of the region, and have operations of their own",
    NATS,
    /encrypted( +)= true/,
    "encrypted = false",
  ],
  ["root volumes are encrypted", NATS, /(root_block_device \{[^}]*encrypted +)= true/, "$1= false"],
  [
    "machines answer metadata to signed requests of their own alone (IMDSv2)",
    NATS,
    'http_tokens                 = "required"',
    'http_tokens = "optional"',
  ],
  ["machines can't be ended by mistake", NATS, /disable_api_termination .*/, ""],
  [
    "subnets give nobody a public address",
    "modules/network/main.tf",
    "map_public_ip_on_launch = false",
    "map_public_ip_on_launch = true",
  ],
  [
    "tasks have no public address",
    "modules/region/main.tf",
    "assign_public_ip = false",
    "assign_public_ip = true",
  ],
  [
    "nobody enters tasks",
    "modules/region/main.tf",
    "enable_execute_command = false",
    "enable_execute_command = true",
  ],
  [
    "tasks can't write their root",
    "modules/region/task.tf",
    "readonlyRootFilesystem = true",
    "readonlyRootFilesystem = false",
  ],
  ["deployments that fail are taken back", "modules/region/main.tf", "rollback = true", "rollback = false"],
  [
    "balancers are protected, log, and drop headers that are none",
    BALANCER,
    "enable_deletion_protection = var.is_protected",
    "enable_deletion_protection = false",
  ],
  ["balancers log", BALANCER, /enabled = true/, "enabled = false"],
  [
    "balancers talk TLS 1.2 or 1.3",
    BALANCER,
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-2016-08",
  ],
  [
    "buckets are closed to the public",
    BUCKET,
    "restrict_public_buckets = true",
    "restrict_public_buckets = false",
  ],
  [
    "buckets are closed to the public",
    "modules/state-bucket/main.tf",
    'resource "aws_s3_bucket" "this"',
    'resource "aws_s3_bucket" "open" {\n}\nresource "aws_s3_bucket" "this"',
  ],
  [
    "buckets are encrypted",
    BUCKET,
    'resource "aws_s3_bucket_server_side_encryption_configuration" "logs"',
    'resource "aws_s3_bucket_analytics_configuration" "logs"',
  ],
  [
    "buckets keep versions",
    BUCKET,
    'status = "Enabled"\n  }\n}\n\nresource "aws_s3_bucket_lifecycle',
    'status = "Suspended"\n  }\n}\n\nresource "aws_s3_bucket_lifecycle',
  ],
  [
    "buckets have a policy, which refuses what is not TLS",
    BUCKET,
    "bucket = aws_s3_bucket.logs.id\n  policy",
    'bucket = "other"\n  policy',
  ],
  [
    "what can't be made again can't be destroyed",
    POSTGRES,
    "prevent_destroy = true",
    "prevent_destroy = false",
  ],
  ["what can't be made again can't be destroyed", NATS, /prevent_destroy = true/, ""],
  [
    "protection is on unless somebody says otherwise",
    "modules/site/variables.tf",
    /(is_protected[^]*?default *= )true/,
    "$1false",
  ],
  ["keys are rotated", "modules/key/main.tf", /enable_key_rotation .*/, ""],
  [
    "secrets have a key of the region and can be brought back",
    "modules/postgres/secrets.tf",
    /kms_key_id .*/,
    "",
  ],
  ["no secret stands in a plan or a state", POSTGRES, /password_wo .*/, 'password = "secret"'],
  [
    "no secret stands in a plan or a state",
    "modules/postgres/secrets.tf",
    'ephemeral "random_password" "made"',
    'resource "random_password" "made"',
  ],
  ["logs are encrypted, and forgotten in time", "modules/region/task.tf", /kms_key_id .*/, ""],
  ["topics are encrypted", "modules/site/main.tf", /kms_master_key_id .*/, ""],
  ["metrics are encrypted", "modules/observability/main.tf", /kms_key_arn .*/, ""],
  [
    "images can't be replaced under their name",
    "environments/aws-three-regions/shared/images.tf",
    '"IMMUTABLE"',
    '"MUTABLE"',
  ],
  [
    "images are looked through",
    "environments/aws-three-regions/shared/images.tf",
    "scan_on_push = true",
    "scan_on_push = false",
  ],
  [
    "roles may do what they need, and nothing more",
    "modules/nats/roles.tf",
    '"secretsmanager:GetSecretValue"',
    '"secretsmanager:*"',
  ],
  [
    "roles may do what they need, and nothing more",
    "modules/region/roles.tf",
    "resources = var.secret_arns",
    'resources = ["*"]',
  ],
  ["versions of Terraform and providers are pinned", "modules/nats/versions.tf", '"~> 6.25"', '">= 6.0"'],
  [
    "providers are bound to the account, and tag what they make",
    "environments/aws-three-regions/eu/versions.tf",
    /allowed_account_ids .*/,
    "",
  ],
  ["states are encrypted and locked", "environments/aws-three-regions/us/versions.tf", /use_lockfile .*/, ""],
];

describe("the Terraform tree", () => {
  it.each(SAFETY_RULES)("is safe: $name", async ({ find }) => {
    expect(find(await parseModules(texts))).toEqual([]);
  });

  it("has what the rules are about", async () => {
    const modules = await parseModules(texts);
    for (const type of [
      "aws_db_instance",
      "aws_ebs_volume",
      "aws_instance",
      "aws_lb",
      "aws_s3_bucket",
      "aws_kms_key",
    ])
      expect(resourcesOf(modules, type).length, type).toBeGreaterThan(0);
  });
});

describe("a planted mistake", () => {
  it.each(PLANTS)("is found by: %s (%s, %s)", async (...plant) => {
    const [name, path, from, to] = plant;
    const rule = SAFETY_RULES.find((one) => one.name === name);
    const found = rule?.find(await parseModules(withChange(texts, { path, from, to })));
    expect(found).not.toEqual([]);
    expect(found).toBeDefined();
  });

  it("is there for every rule", () => {
    const planted = new Set(PLANTS.map(([name]) => name));
    expect(SAFETY_RULES.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
  });
});
