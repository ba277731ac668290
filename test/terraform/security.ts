/** What must hold of the Terraform tree for it to be safe: each rule says where it does not. */
import { nested, resourcesOf, textsIn, type Body, type Module, type Resource } from "./tree.ts";

export interface SafetyRule {
  /** What must be so. */
  readonly name: string;
  /** Where it is not, by resource; empty when it is so everywhere. */
  readonly find: (modules: readonly Module[]) => readonly string[];
}

const ANYWHERE = ["0.0.0.0/0", "::/0"];
const INGRESS = "aws_vpc_security_group_ingress_rule";
const EGRESS = "aws_vpc_security_group_egress_rule";
/** The one rule that lets the internet in. */
const PUBLIC_RULE = "balancer_from_internet";
const PUBLIC_PORT = "${var.ports.public}";
/** False only while a region is being removed. */
const PROTECTED = "${var.is_protected}";
/** What can't be made again once it is gone. */
const IRREPLACEABLE = [
  "aws_db_instance",
  "aws_ebs_volume",
  "aws_ecr_repository",
  "aws_kms_key",
  "aws_prometheus_workspace",
  "aws_s3_bucket",
  "aws_secretsmanager_secret",
];

const where = ({ path, type, name }: Resource): string => `${path}: ${type}.${name}`;

/** Resources of a type whose arguments are not all as they must be. */
function without(type: string, wanted: Readonly<Record<string, unknown>>): SafetyRule["find"] {
  return (modules) =>
    resourcesOf(modules, type).flatMap((resource) =>
      Object.entries(wanted)
        .filter(([argument, value]) => !matches(resource.body[argument], value))
        .map(([argument]) => `${where(resource)} ${argument}`),
    );
}

function matches(actual: unknown, wanted: unknown): boolean {
  if (wanted === SET) return actual !== undefined && actual !== "";
  return wanted instanceof RegExp ? wanted.test(String(actual)) : actual === wanted;
}

/** Whatever it is, it is said. */
const SET = Symbol("set");

function withoutNested(
  type: string,
  block: string,
  wanted: Readonly<Record<string, unknown>>,
): SafetyRule["find"] {
  return (modules) =>
    resourcesOf(modules, type)
      .filter(({ body }) => {
        const blocks = nested(body, block);
        const isRight = (one: Body) =>
          Object.entries(wanted).every(([argument, value]) => matches(one[argument], value));
        return blocks.length === 0 || !blocks.every(isRight);
      })
      .map((resource) => `${where(resource)} ${block}`);
}

/** Buckets that nothing of a type belongs to. */
function bucketsWithout(type: string, isRight: (body: Body) => boolean): SafetyRule["find"] {
  return (modules) =>
    modules.flatMap((module) =>
      resourcesOf([module], "aws_s3_bucket")
        .filter(
          ({ name }) =>
            !resourcesOf([module], type).some(
              ({ body }) => body["bucket"] === `\${aws_s3_bucket.${name}.id}` && isRight(body),
            ),
        )
        .map((resource) => `${where(resource)} has no right ${type}`),
    );
}

function opensIngress(modules: readonly Module[]): readonly string[] {
  return resourcesOf(modules, INGRESS)
    .filter(({ body }) => textsIn(body).some((text) => ANYWHERE.includes(text)))
    .filter(
      ({ name, body }) =>
        name !== PUBLIC_RULE || body["from_port"] !== PUBLIC_PORT || body["to_port"] !== PUBLIC_PORT,
    )
    .map(where);
}

function opensEgress(modules: readonly Module[]): readonly string[] {
  return resourcesOf(modules, EGRESS)
    .filter(({ body }) => textsIn(body).some((text) => ANYWHERE.includes(text)))
    .filter(({ body }) => body["from_port"] !== PUBLIC_PORT || body["to_port"] !== PUBLIC_PORT)
    .map(where);
}

function looseRules(modules: readonly Module[]): readonly string[] {
  return [
    ...resourcesOf(modules, "aws_security_group_rule").map(where),
    ...["aws_security_group", "aws_default_security_group"].flatMap((type) =>
      resourcesOf(modules, type)
        .filter(({ body }) => "ingress" in body || "egress" in body)
        .map(where),
    ),
    ...[INGRESS, EGRESS].flatMap((type) =>
      resourcesOf(modules, type)
        .filter(({ body }) => body["ip_protocol"] !== "tcp" || body["from_port"] !== body["to_port"])
        .map(where),
    ),
  ];
}

function deletable(modules: readonly Module[]): readonly string[] {
  return IRREPLACEABLE.flatMap((type) =>
    resourcesOf(modules, type)
      .filter(({ body }) => nested(body, "lifecycle")[0]?.["prevent_destroy"] !== true)
      .map(where),
  );
}

/** Values that would stand in plans and states. */
const SECRET_ARGUMENTS = ["password", "secret_string", "secret_binary", "master_password", "value_wo_plain"];

function secretsInStates(modules: readonly Module[]): readonly string[] {
  return [
    ...resourcesOf(modules).flatMap((resource) =>
      SECRET_ARGUMENTS.filter((argument) => argument in resource.body).map(
        (argument) => `${where(resource)} ${argument}`,
      ),
    ),
    ...["random_password", "random_string", "tls_private_key"].flatMap((type) =>
      resourcesOf(modules, type).map(where),
    ),
  ];
}

function wildcards(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ files }) =>
    files.flatMap(({ path, blocks }) =>
      Object.entries(blocks.data?.["aws_iam_policy_document"] ?? {}).flatMap(([name, bodies]) =>
        bodies
          .flatMap((body) => nested(body, "statement"))
          .filter(isTooWide(path))
          .map((statement) => `${path}: ${name} ${textsIn(statement["sid"]).join("")}`),
      ),
    ),
  );
}

/** A key's policy is about the key that it belongs to; what denies may deny everything. */
function isTooWide(path: string): (statement: Body) => boolean {
  return ({ effect, actions, resources }) => {
    if (effect === "Deny" || path === "modules/key/main.tf") return false;
    const listed = [...textsIn(actions), ...textsIn(resources)];
    return listed.some((text) => text === "*" || /^\w+:\*$/.test(text));
  };
}

function tasksThatCanBeWritten(modules: readonly Module[]): readonly string[] {
  return modules
    .filter((module) => resourcesOf([module], "aws_ecs_task_definition").length > 0)
    .filter((module) => !/readonlyRootFilesystem"?\s*[:=]\s*true/.test(JSON.stringify(module.files)))
    .map(({ folder }) => `${folder}: readonlyRootFilesystem`);
}

function loosePins(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ folder, files }) => {
    const settings = files.flatMap(({ blocks }) => blocks.terraform ?? []);
    const versions = settings.map((one) => one["required_version"]).filter((one) => one !== undefined);
    const providers = settings
      .flatMap((one) => nested(one, "required_providers"))
      .flatMap((one) => Object.entries(one));
    return [
      ...(versions.length === 1 && /^>= \d.*, < \d/.test(textsIn(versions).join())
        ? []
        : [`${folder}: required_version`]),
      ...providers
        .filter(([, provider]) => !/^~> \d+\.\d+/.test(String((provider as Body)["version"])))
        .map(([name]) => `${folder}: version of provider ${name}`),
    ];
  });
}

function looseProviders(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ folder, files }) =>
    files
      .flatMap(({ blocks }) => blocks.provider?.["aws"] ?? [])
      .filter(
        (body) => body["allowed_account_ids"] === undefined || nested(body, "default_tags").length === 0,
      )
      .map(() => `${folder}: provider aws`),
  );
}

function looseBackends(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ folder, files }) =>
    files
      .flatMap(({ blocks }) => blocks.terraform ?? [])
      .flatMap((one) => Object.entries((one["backend"] ?? {}) as Record<string, readonly Body[]>))
      .filter(
        ([kind, [body]]) => kind === "s3" && (body?.["encrypt"] !== true || body["use_lockfile"] !== true),
      )
      .map(() => `${folder}: backend`),
  );
}

function unprotectedByDefault(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ folder, files }) =>
    files
      .flatMap(({ blocks }) => blocks.variable?.["is_protected"] ?? [])
      .filter((body) => body["default"] !== true)
      .map(() => `${folder}: is_protected`),
  );
}

export const SAFETY_RULES: readonly SafetyRule[] = [
  { name: "the internet reaches the balancer's 443, and nothing else", find: opensIngress },
  { name: "what goes out to the internet is TLS", find: opensEgress },
  { name: "security groups have one rule per resource, each for one TCP port", find: looseRules },
  {
    name: "databases are encrypted, private, in two zones, backed up and protected",
    find: without("aws_db_instance", {
      storage_encrypted: true,
      kms_key_id: SET,
      publicly_accessible: false,
      multi_az: true,
      deletion_protection: PROTECTED,
      skip_final_snapshot: false,
      delete_automated_backups: false,
      backup_retention_period: SET,
      performance_insights_enabled: true,
      password_wo: /^\$\{ephemeral\./,
    }),
  },
  {
    name: "volumes are encrypted with a key of the region, and have operations of their own",
    find: without("aws_ebs_volume", {
      encrypted: true,
      kms_key_id: SET,
      type: "gp3",
      iops: SET,
      final_snapshot: true,
    }),
  },
  {
    name: "root volumes are encrypted",
    find: withoutNested("aws_instance", "root_block_device", { encrypted: true, kms_key_id: SET }),
  },
  {
    name: "machines answer metadata to signed requests of their own alone (IMDSv2)",
    find: withoutNested("aws_instance", "metadata_options", {
      http_tokens: "required",
      http_put_response_hop_limit: 1,
    }),
  },
  {
    name: "machines can't be ended by mistake",
    find: without("aws_instance", { disable_api_termination: true }),
  },
  {
    name: "subnets give nobody a public address",
    find: without("aws_subnet", { map_public_ip_on_launch: false }),
  },
  {
    name: "tasks have no public address",
    find: withoutNested("aws_ecs_service", "network_configuration", { assign_public_ip: false }),
  },
  { name: "nobody enters tasks", find: without("aws_ecs_service", { enable_execute_command: false }) },
  { name: "tasks can't write their root", find: tasksThatCanBeWritten },
  {
    name: "deployments that fail are taken back",
    find: withoutNested("aws_ecs_service", "deployment_circuit_breaker", { enable: true, rollback: true }),
  },
  {
    name: "balancers are protected, log, and drop headers that are none",
    find: without("aws_lb", {
      enable_deletion_protection: PROTECTED,
      drop_invalid_header_fields: true,
      internal: false,
    }),
  },
  { name: "balancers log", find: withoutNested("aws_lb", "access_logs", { enabled: true }) },
  {
    name: "balancers talk TLS 1.2 or 1.3",
    find: without("aws_lb_listener", { protocol: "HTTPS", ssl_policy: /^ELBSecurityPolicy-TLS13-1-2-/ }),
  },
  {
    name: "buckets are closed to the public",
    find: bucketsWithout("aws_s3_bucket_public_access_block", (body) =>
      ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"].every(
        (one) => body[one] === true,
      ),
    ),
  },
  {
    name: "buckets are encrypted",
    find: bucketsWithout("aws_s3_bucket_server_side_encryption_configuration", () => true),
  },
  {
    name: "buckets keep versions",
    find: bucketsWithout(
      "aws_s3_bucket_versioning",
      (body) => nested(body, "versioning_configuration")[0]?.["status"] === "Enabled",
    ),
  },
  {
    name: "buckets have a policy, which refuses what is not TLS",
    find: bucketsWithout("aws_s3_bucket_policy", () => true),
  },
  { name: "what can't be made again can't be destroyed", find: deletable },
  { name: "protection is on unless somebody says otherwise", find: unprotectedByDefault },
  {
    name: "keys are rotated",
    find: without("aws_kms_key", { enable_key_rotation: true, deletion_window_in_days: 30 }),
  },
  {
    name: "secrets have a key of the region and can be brought back",
    find: without("aws_secretsmanager_secret", { kms_key_id: SET, recovery_window_in_days: 30 }),
  },
  { name: "no secret stands in a plan or a state", find: secretsInStates },
  {
    name: "logs are encrypted, and forgotten in time",
    find: without("aws_cloudwatch_log_group", { kms_key_id: SET, retention_in_days: SET }),
  },
  { name: "topics are encrypted", find: without("aws_sns_topic", { kms_master_key_id: SET }) },
  { name: "metrics are encrypted", find: without("aws_prometheus_workspace", { kms_key_arn: SET }) },
  {
    name: "images can't be replaced under their name",
    find: without("aws_ecr_repository", { image_tag_mutability: "IMMUTABLE" }),
  },
  {
    name: "images are looked through",
    find: withoutNested("aws_ecr_repository", "image_scanning_configuration", { scan_on_push: true }),
  },
  { name: "roles may do what they need, and nothing more", find: wildcards },
  { name: "versions of Terraform and providers are pinned", find: loosePins },
  { name: "providers are bound to the account, and tag what they make", find: looseProviders },
  { name: "states are encrypted and locked", find: looseBackends },
];
