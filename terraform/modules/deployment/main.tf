# Everything that roots are driven by: the topology, where its regions are, and what they are called and sized. Pure.
module "topology" {
  source = "../topology"

  topology   = var.topology
  placements = var.deployment.placements
}

module "addresses" {
  source = "../addresses"

  slots = { for name, region in module.topology.regions : name => region.address_slot }
}

module "names" {
  source   = "../names"
  for_each = module.topology.regions

  cluster = module.topology.name
  region  = each.key
  domain  = var.deployment.domain
}

module "ports" {
  source = "../ports"
}

# Each user has two passwords, of which one is in use: so it can be changed while both are valid.
locals {
  common_passwords = {
    for variable in ["FOREBAY_NATS_MAINTENANCE_PASSWORD_1", "FOREBAY_NATS_MAINTENANCE_PASSWORD_2", "FOREBAY_NATS_ROUTES_PASSWORD"] :
    variable => "${module.topology.name}/nats/${variable}"
  }
  region_passwords = {
    for name in keys(module.topology.regions) : name => {
      for variable in [for slot in [1, 2] : "FOREBAY_NATS_PASSWORD_${upper(replace(name, "-", "_"))}_${slot}"] :
      variable => "${module.names[name].prefix}/nats/${variable}"
    }
  }
}
