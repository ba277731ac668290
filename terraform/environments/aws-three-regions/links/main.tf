# The links between regions: one peering per pair, of which the topology knows. A region that leaves the topology takes its
# own links with it, and no other.
module "deployment" {
  source = "../../../modules/deployment"

  topology   = yamldecode(file("${path.module}/../../../../regions/aws-three-regions.yaml"))
  deployment = yamldecode(file("${path.module}/../deployment.yaml"))
}

module "peering" {
  source   = "../../../modules/peering"
  for_each = module.deployment.pairs

  name    = each.key
  cluster = module.deployment.cluster
  requester = {
    region     = each.value.one
    aws_region = module.deployment.regions[each.value.one].aws_region
    nats_range = module.deployment.regions[each.value.one].addresses.nats_range
  }
  accepter = {
    region     = each.value.other
    aws_region = module.deployment.regions[each.value.other].aws_region
    nats_range = module.deployment.regions[each.value.other].addresses.nats_range
  }
}
