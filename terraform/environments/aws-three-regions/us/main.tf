# Region us, with a state of its own. Roots of regions differ in this name alone; test/unit/terraform sees to it.
locals {
  region        = "us"
  topology_text = file("${path.module}/../../../../regions/aws-three-regions.yaml")
  topology      = yamldecode(local.topology_text)
  deployment    = yamldecode(file("${path.module}/../deployment.yaml"))
  # Made by people and kept beside this file; terraform/README.md says how.
  nats_config          = fileexists("${path.module}/nats.conf") ? file("${path.module}/nats.conf") : ""
  postgres_authorities = fileexists("${path.module}/postgres-ca.pem") ? file("${path.module}/postgres-ca.pem") : ""
}

module "site" {
  source = "../../../modules/site"

  region               = local.region
  topology_text        = local.topology_text
  deployment           = local.deployment
  nats_config          = local.nats_config
  postgres_authorities = local.postgres_authorities
  is_protected         = var.is_protected
  password_version     = var.password_version
  nats_password_slot   = var.nats_password_slot
}
