# What a region process is told, by the names that services/runtime/config.ts reads. Nothing secret stands here in clear:
# secrets come from Secrets Manager when a task starts, as variables or as files that its first container writes.
locals {
  files_folder = "/run/forebay"

  # By file name. What is in braces is put in by the container that writes the file.
  files = {
    "topology.yaml"    = { source = "plain", name = "topology", text = "{}" }
    "postgres-ca.pem"  = { source = "plain", name = "postgres_ca", text = "{}" }
    "nats-ca.pem"      = { source = "secret", name = "nats_ca", text = "{}" }
    "nats-user"        = { source = "secret", name = "nats_user", text = "${var.region}.${var.nats_password_slot}:{}" }
    "nats-maintenance" = { source = "secret", name = "nats_maintenance", text = "MAINTENANCE.${var.nats_password_slot}:{}" }
  }
}
