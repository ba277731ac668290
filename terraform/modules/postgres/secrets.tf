# The password is made once and kept in Secrets Manager alone: write-only arguments keep it out of plans and states.
# The database and the address read it from there, so an apply that was cut short goes on with the same one.
ephemeral "random_password" "made" {
  length = 40
  # It is part of an address.
  special = false
}

resource "aws_secretsmanager_secret" "password" {
  name                    = var.secret_names.postgres_password
  description             = "Password of the database's owner."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_secretsmanager_secret_version" "password" {
  secret_id                = aws_secretsmanager_secret.password.id
  secret_string_wo         = ephemeral.random_password.made.result
  secret_string_wo_version = var.password_version
}

ephemeral "aws_secretsmanager_secret_version" "password" {
  secret_id = aws_secretsmanager_secret_version.password.secret_id
}

resource "aws_secretsmanager_secret" "url" {
  name                    = var.secret_names.postgres_url
  description             = "FOREBAY_POSTGRES_URL: the address with its password."
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_secretsmanager_secret_version" "url" {
  secret_id = aws_secretsmanager_secret.url.id
  secret_string_wo = format(
    "postgresql://%s:%s@%s:%d/%s?sslmode=verify-full",
    local.user,
    ephemeral.aws_secretsmanager_secret_version.password.secret_string,
    aws_db_instance.this.address,
    aws_db_instance.this.port,
    local.database,
  )
  secret_string_wo_version = var.password_version
}
