# The region's processes, their names in the world, and the collector of what they tell.
locals {
  image = join("", [
    "${local.account_id}.dkr.ecr.${local.aws_region}.amazonaws.com/${module.deployment.image_repository}",
    "@${module.deployment.images.forebay_digest}",
  ])
  # A region's own user, by the slot that is in use.
  user_variable = "FOREBAY_NATS_PASSWORD_${upper(replace(var.region, "-", "_"))}_${var.nats_password_slot}"

  secret_references = {
    postgres_url     = module.postgres.url_secret_arn
    session          = data.aws_secretsmanager_secret.shared["session"].arn
    admin_key_hash   = data.aws_secretsmanager_secret.shared["admin_key_hash"].arn
    nats_ca          = data.aws_secretsmanager_secret.shared["nats_ca"].arn
    nats_user        = local.nats_password_arns[local.user_variable]
    nats_maintenance = local.nats_password_arns["FOREBAY_NATS_MAINTENANCE_PASSWORD_${var.nats_password_slot}"]
  }
}

module "process_environment" {
  source = "../process-environment"

  region                   = var.region
  ports                    = module.deployment.ports
  nats_host                = local.names.nats_host
  postgres_connections_max = module.deployment.sizes.processes.postgres_connections_max
  nats_password_slot       = var.nats_password_slot
  settings                 = module.deployment.settings
}

module "region" {
  source = "../region"

  prefix     = local.names.prefix
  region     = var.region
  aws_region = local.aws_region
  account_id = local.account_id
  network = {
    vpc_id             = module.network.vpc_id
    public_subnet_ids  = module.network.public_subnet_ids
    process_subnet_ids = module.network.process_subnet_ids
  }
  security_group_ids = module.firewall.security_group_ids
  ports              = module.deployment.ports
  image              = local.image
  process = {
    environment      = module.process_environment.environment
    secret_variables = module.process_environment.secret_variables
    files            = module.process_environment.files
    files_folder     = module.process_environment.files_folder
    plain_texts      = { topology = var.topology_text, postgres_ca = var.postgres_authorities }
  }
  secret_references = local.secret_references
  secret_arns       = values(local.secret_references)
  kms_key_arns      = { region = module.key.arn, shared = data.aws_kms_alias.shared.target_key_arn }
  task_size         = { cpu = module.deployment.sizes.processes.cpu, memory_mib = module.deployment.sizes.processes.memory_mib }
  tasks = {
    minimum = module.deployment.sizes.processes.tasks_minimum
    maximum = module.deployment.sizes.processes.tasks_maximum
  }
  certificate_arn = module.dns.certificate_arn
  is_protected    = var.is_protected
}

module "dns" {
  source = "../dns"

  zone       = module.deployment.zone
  region     = var.region
  aws_region = local.aws_region
  hosts      = { global = local.names.global_host, region = local.names.region_host }
  balancer   = module.region.balancer
  internal = {
    zone         = local.names.internal_zone
    vpc_id       = module.network.vpc_id
    nats_host    = local.names.nats_host
    nats_address = local.deployment.addresses.nats_server
  }
}

module "collector" {
  source = "../collector"

  prefix            = local.names.prefix
  region            = var.region
  aws_region        = local.aws_region
  account_id        = local.account_id
  cluster_arn       = module.region.cluster_arn
  subnet_ids        = module.network.process_subnet_ids
  security_group_id = module.firewall.security_group_ids.collector
  scrape = {
    host          = module.region.processes_host
    port          = module.deployment.ports.http
    key_reference = data.aws_secretsmanager_secret.shared["metrics_key"].arn
  }
  remote_write_urls = jsondecode(data.aws_ssm_parameter.remote_write.insecure_value)
  image             = module.deployment.images.collector
  secret_arns       = [data.aws_secretsmanager_secret.shared["metrics_key"].arn]
  kms_key_arns      = { region = module.key.arn, shared = data.aws_kms_alias.shared.target_key_arn }
}
