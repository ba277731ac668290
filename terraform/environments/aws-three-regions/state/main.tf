# Where states are kept: a bucket per region, in that region, so that its state can be reached whenever the region can. What
# all regions share has its state in the home region's.
module "deployment" {
  source = "../../../modules/deployment"

  topology   = yamldecode(file("${path.module}/../../../../regions/aws-three-regions.yaml"))
  deployment = yamldecode(file("${path.module}/../deployment.yaml"))
}

module "bucket" {
  source   = "../../../modules/state-bucket"
  for_each = module.deployment.regions

  name       = "${each.value.names.prefix}-state-${module.deployment.account_id}"
  aws_region = each.value.aws_region
}
