output "prefix" {
  description = "What the names of a region's resources begin with."
  value       = local.prefix
}

output "internal_zone" {
  description = "The private DNS zone of the region, which no other region needs."
  value       = local.internal_zone
}

output "nats_host" {
  description = "The region's NATS server, also in its certificate."
  value       = "nats.${local.internal_zone}"
}

output "global_host" {
  description = "What clients use: the nearest region that is ready."
  value       = var.domain
}

output "region_host" {
  description = "This region alone: for the SDK, which chooses by itself, and for health checks."
  value       = "${var.region}.${var.domain}"
}

output "secrets" {
  description = "Names of secrets in Secrets Manager, by what they hold. Those without the region are the same in all regions."
  value = {
    session           = "${var.cluster}/session-secret"
    admin_key_hash    = "${var.cluster}/admin-key-sha256"
    metrics_key       = "${var.cluster}/metrics-key"
    nats_ca           = "${var.cluster}/nats-ca"
    nats_certificate  = "${local.prefix}/nats-certificate"
    postgres_password = "${local.prefix}/postgres-password"
    postgres_url      = "${local.prefix}/postgres-url"
  }
}

output "remote_write_parameter" {
  description = "The parameter, in every region, that says where metrics are sent to."
  value       = "/${var.cluster}/observability/remote-write-urls"
}

output "shared_key_alias" {
  description = "The key, in every region, that what all regions share is encrypted with."
  value       = "alias/${var.cluster}-shared"
}
