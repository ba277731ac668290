# Secrets that are the same everywhere, and NATS passwords. Values that can be made are made once and written without passing through the state;
# the others are put in by scripts/put-secrets.sh. Secrets Manager keeps the copies of other regions up to date.
locals {
  made_secrets = merge(
    { session = local.home.names.secrets.session },
    module.deployment.nats_password_secrets.common,
  )
  # A region's own, which no other region gets.
  own_secrets = merge([
    for region, secrets in module.deployment.nats_password_secrets.regions : {
      for variable, name in secrets : variable => { region = region, name = name }
    }
  ]...)
  given_secrets = {
    admin_key_hash = local.home.names.secrets.admin_key_hash
    metrics_key    = local.home.names.secrets.metrics_key
    nats_ca        = local.home.names.secrets.nats_ca
  }
}

ephemeral "random_password" "made" {
  for_each = setunion(keys(local.made_secrets), keys(local.own_secrets))

  length = 48
  # They are parts of addresses and of lines that a shell reads.
  special = false
}

resource "aws_secretsmanager_secret" "made" {
  for_each = local.made_secrets

  name                    = each.value
  description             = "The same in all regions."
  kms_key_id              = module.key[module.deployment.home].arn
  recovery_window_in_days = 30

  dynamic "replica" {
    for_each = local.others

    content {
      region     = replica.value.aws_region
      kms_key_id = module.key[replica.key].arn
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_secretsmanager_secret_version" "made" {
  for_each = local.made_secrets

  secret_id                = aws_secretsmanager_secret.made[each.key].id
  secret_string_wo         = ephemeral.random_password.made[each.key].result
  secret_string_wo_version = lookup(var.secret_versions, each.key, 1)
}

resource "aws_secretsmanager_secret" "own" {
  for_each = local.own_secrets

  region                  = local.regions[each.value.region].aws_region
  name                    = each.value.name
  description             = "Of region ${each.value.region} alone."
  kms_key_id              = module.key[each.value.region].arn
  recovery_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_secretsmanager_secret_version" "own" {
  for_each = local.own_secrets

  region                   = local.regions[each.value.region].aws_region
  secret_id                = aws_secretsmanager_secret.own[each.key].id
  secret_string_wo         = ephemeral.random_password.made[each.key].result
  secret_string_wo_version = lookup(var.secret_versions, each.key, 1)
}

resource "aws_secretsmanager_secret" "given" {
  for_each = local.given_secrets

  name                    = each.value
  description             = "The same in all regions; given by scripts/put-secrets.sh."
  kms_key_id              = module.key[module.deployment.home].arn
  recovery_window_in_days = 30

  dynamic "replica" {
    for_each = local.others

    content {
      region     = replica.value.aws_region
      kms_key_id = module.key[replica.key].arn
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# A server's certificate and key are its region's own.
resource "aws_secretsmanager_secret" "nats_certificate" {
  for_each = local.regions

  region                  = each.value.aws_region
  name                    = each.value.names.secrets.nats_certificate
  description             = "Certificate and key of the NATS server of region ${each.key}; given by scripts/put-secrets.sh."
  kms_key_id              = module.key[each.key].arn
  recovery_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}
