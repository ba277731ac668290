# As infra/local/postgres-config.ts wants it. A test compares the two; what RDS fixes itself (fsync, full_page_writes) is
# named there.
locals {
  parameters = {
    # A write that was answered outlives a crash.
    synchronous_commit       = "on"
    "rds.force_ssl"          = "1"
    ssl_min_protocol_version = "TLSv1.2"
    password_encryption      = "scram-sha-256"
    # Just-in-time compilation costs more than it gains on short statements.
    jit         = "0"
    timezone    = "UTC"
    lc_messages = "C"
    # What takes long is worth knowing; values of statements are not written, they are users' records.
    log_min_duration_statement        = "1000"
    log_parameter_max_length          = "0"
    log_parameter_max_length_on_error = "0"
    log_lock_waits                    = "1"
    # A forgotten transaction keeps everything from being vacuumed. A snapshot may take ten minutes.
    idle_in_transaction_session_timeout = "900000"
  }

  # These take a restart.
  static_parameters = {
    max_connections = tostring(var.connections_max)
  }
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.prefix}-"
  family      = "postgres${var.engine_version}"
  description = "What Forebay rests on."

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "immediate"
    }
  }

  dynamic "parameter" {
    for_each = local.static_parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
