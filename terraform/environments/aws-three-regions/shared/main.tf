# What all regions share: secrets, images, and who watches. Each region gets a copy of its own of what it needs, so that the
# home region may be away and the others still start processes.
module "deployment" {
  source = "../../../modules/deployment"

  topology   = yamldecode(file("${path.module}/../../../../regions/aws-three-regions.yaml"))
  deployment = yamldecode(file("${path.module}/../deployment.yaml"))
}

locals {
  regions = module.deployment.regions
  home    = local.regions[module.deployment.home]
  # By name: every region but the home.
  others = { for name, region in local.regions : name => region if name != module.deployment.home }
}

# These warn, and hold nothing up.
check "log_survives_a_region" {
  assert {
    condition     = length(local.regions) >= 3
    error_message = "There are ${length(local.regions)} regions: the log goes on without one of them only where there are three or more."
  }
}

check "somebody_watches_the_watcher" {
  assert {
    condition     = length(module.deployment.watchers) >= 2
    error_message = "There is one watcher alone: nobody is told when its region is lost."
  }
}

module "key" {
  source   = "../../../modules/key"
  for_each = local.regions

  alias       = each.value.names.shared_key_alias
  description = "What all regions share, in region ${each.key}."
  account_id  = module.deployment.account_id
  aws_region  = each.value.aws_region
}
