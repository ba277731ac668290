output "environment" {
  description = "Variables in clear."
  value = merge(var.settings, {
    FOREBAY_REGION                     = var.region
    FOREBAY_TOPOLOGY                   = "${local.files_folder}/topology.yaml"
    FOREBAY_HTTP_HOST                  = "0.0.0.0"
    FOREBAY_HTTP_PORT                  = tostring(var.ports.http)
    FOREBAY_TRUSTED_PROXIES            = "1"
    FOREBAY_POSTGRES_CONNECTIONS_MAX   = tostring(var.postgres_connections_max)
    FOREBAY_POSTGRES_CA_FILE           = "${local.files_folder}/postgres-ca.pem"
    FOREBAY_NATS_URL                   = "tls://${var.nats_host}:${var.ports.nats_client}"
    FOREBAY_NATS_MONITOR_URL           = "http://${var.nats_host}:${var.ports.nats_monitor}"
    FOREBAY_NATS_CA_FILE               = "${local.files_folder}/nats-ca.pem"
    FOREBAY_NATS_CREDENTIALS_FILE      = "${local.files_folder}/nats-user"
    FOREBAY_NATS_TRIM_CREDENTIALS_FILE = "${local.files_folder}/nats-maintenance"
  })
}

output "secret_variables" {
  description = "Variables that tasks get from Secrets Manager, by the secret that has them."
  value = {
    FOREBAY_POSTGRES_URL     = "postgres_url"
    FOREBAY_SESSION_SECRET   = "session"
    FOREBAY_ADMIN_KEY_SHA256 = "admin_key_hash"
  }
}

output "files" {
  description = "Files of the processes, by name: what they are made of, and whether that is secret."
  value       = local.files
}

output "files_folder" {
  description = "Where the files are."
  value       = local.files_folder
}
