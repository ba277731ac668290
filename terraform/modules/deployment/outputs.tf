output "cluster" {
  description = "The cluster's name."
  value       = module.topology.name
}

output "regions" {
  description = "By name: aws_region, zones, addresses, names."
  value = {
    for name, region in module.topology.regions : name => {
      aws_region = region.aws_region
      zones      = region.zones
      location   = region.location
      addresses  = module.addresses.regions[name]
      names      = module.names[name]
    }
  }
}

output "pairs" {
  description = "Every two regions."
  value       = module.topology.pairs
}

output "nats_members" {
  description = "By region: host name and address of its NATS server."
  value = {
    for name in keys(module.topology.regions) : name => {
      host    = module.names[name].nats_host
      address = module.addresses.regions[name].nats_server
    }
  }
}

output "nats_password_secrets" {
  description = "By the variable that nats.conf has for it: the secret that holds the password. Those of `common` are the same in all regions; no server knows another region's."
  value       = { common = local.common_passwords, regions = local.region_passwords }
}

output "ports" {
  description = "By what listens there."
  value       = module.ports.ports
}

output "image_repository" {
  description = "Of region processes, in each region's registry."
  value       = module.topology.name
}

output "account_id" {
  description = "The account that all of it is in."
  value       = var.deployment.account_id
}

output "zone" {
  description = "The public hosted zone."
  value       = var.deployment.zone
}

output "home" {
  description = "The region where images are pushed to and shared secrets are written first."
  value       = var.deployment.home
}

output "watchers" {
  description = "Regions that keep everybody's metrics."
  value       = toset(var.deployment.watchers)
}

output "images" {
  description = "forebay_digest and collector."
  value       = var.deployment.images
}

output "settings" {
  description = "Further settings of region processes."
  value       = var.deployment.settings
}

output "sizes" {
  description = "Of postgres, processes and nats."
  value = {
    postgres  = var.deployment.postgres
    processes = var.deployment.processes
    nats      = var.deployment.nats
  }
}
