# What root `shared` has left in this very AWS region: found by name, so that no other region has to answer.
locals {
  shared_secrets = {
    for what in ["session", "admin_key_hash", "metrics_key", "nats_ca", "nats_certificate"] : what => local.names.secrets[what]
  }
  nats_password_arns = { for variable, secret in data.aws_secretsmanager_secret.nats_password : variable => secret.arn }
}

data "aws_secretsmanager_secret" "shared" {
  for_each = local.shared_secrets

  name = each.value
}

data "aws_secretsmanager_secret" "nats_password" {
  for_each = merge(
    module.deployment.nats_password_secrets.common,
    module.deployment.nats_password_secrets.regions[var.region],
  )

  name = each.value
}

data "aws_kms_alias" "shared" {
  name = local.names.shared_key_alias
}

data "aws_ssm_parameter" "remote_write" {
  name = local.names.remote_write_parameter
}
