# Everything of one region. It reads nothing of another region, and its state holds nothing of one: so neither an outage
# elsewhere keeps it from being changed, nor can removing another region take anything of it away.
module "deployment" {
  source = "../deployment"

  topology   = yamldecode(var.topology_text)
  deployment = var.deployment
}

locals {
  deployment = module.deployment.regions[var.region]
  names      = local.deployment.names
  account_id = module.deployment.account_id
  aws_region = local.deployment.aws_region
  peers      = { for name, region in module.deployment.regions : name => region.addresses.nats_range if name != var.region }
}

module "key" {
  source = "../key"

  alias       = "alias/${local.names.prefix}"
  description = "Database, volumes, logs and secrets of region ${var.region}."
  account_id  = local.account_id
  aws_region  = local.aws_region
}

module "network" {
  source = "../network"

  prefix                     = local.names.prefix
  aws_region                 = local.aws_region
  zones                      = local.deployment.zones
  addresses                  = local.deployment.addresses
  endpoint_security_group_id = module.firewall.security_group_ids.endpoint
  kms_key_arn                = module.key.arn
}

module "firewall" {
  source = "../firewall"

  prefix           = local.names.prefix
  vpc_id           = module.network.vpc_id
  ports            = module.deployment.ports
  peer_nats_ranges = local.peers
}

module "postgres" {
  source = "../postgres"

  prefix            = local.names.prefix
  subnet_ids        = module.network.database_subnet_ids
  security_group_id = module.firewall.security_group_ids.postgres
  kms_key_arn       = module.key.arn
  port              = module.deployment.ports.postgres
  engine_version    = module.deployment.sizes.postgres.engine_version
  instance_class    = module.deployment.sizes.postgres.instance_class
  storage_gib = {
    initial = module.deployment.sizes.postgres.initial_gib
    maximum = module.deployment.sizes.postgres.maximum_gib
  }
  connections_max  = module.deployment.sizes.postgres.connections_max
  backup_days      = module.deployment.sizes.postgres.backup_days
  password_version = var.password_version
  secret_names = {
    postgres_password = local.names.secrets.postgres_password
    postgres_url      = local.names.secrets.postgres_url
  }
  is_protected    = var.is_protected
  alarm_topic_arn = aws_sns_topic.alarm.arn
}

module "nats" {
  source = "../nats"

  prefix = local.names.prefix
  region = var.region
  placement = {
    zone      = local.deployment.zones[0]
    subnet_id = module.network.nats_subnet_id
    address   = local.deployment.addresses.nats_server
  }
  security_group_id = module.firewall.security_group_ids.nats
  ports             = module.deployment.ports
  members           = module.deployment.nats_members
  server_config     = var.nats_config
  archive           = module.deployment.sizes.nats.archive
  instance_type     = module.deployment.sizes.nats.instance_type
  volume = {
    gib            = module.deployment.sizes.nats.gib
    iops           = module.deployment.sizes.nats.iops
    mib_per_second = module.deployment.sizes.nats.mib_per_second
  }
  kms_key_arn        = module.key.arn
  shared_kms_key_arn = data.aws_kms_alias.shared.target_key_arn
  secret_arns = {
    passwords   = local.nats_password_arns
    ca          = data.aws_secretsmanager_secret.shared["nats_ca"].arn
    certificate = data.aws_secretsmanager_secret.shared["nats_certificate"].arn
  }
  alarm_topic_arn = aws_sns_topic.alarm.arn
}

# Alarms of this region's machines, which CloudWatch raises; what Prometheus raises goes to the watchers' topics.
resource "aws_sns_topic" "alarm" {
  name              = "${local.names.prefix}-alarms"
  kms_master_key_id = module.key.arn
}
