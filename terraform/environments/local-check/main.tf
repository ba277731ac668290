# Plans any topology without a provider, an account or the network: what names, addresses and settings would be. It is what
# the tests run, and a way to look at a topology before anything is made of it.
locals {
  topology = yamldecode(file("${path.root}/../../../regions/${var.topology_file}"))

  # A stand-in for deployment.yaml: regions take the first AWS regions of this list, in order.
  aws_regions = [
    "eu-central-1", "us-east-1", "ap-southeast-1", "us-west-2", "eu-west-1", "ap-northeast-1", "sa-east-1", "ca-central-1",
    "ap-south-1", "eu-north-1", "eu-west-2", "ap-southeast-2", "us-east-2", "eu-west-3", "ap-northeast-2", "us-west-1",
  ]
  deployment = {
    account_id = "123456789012"
    zone       = "example.com"
    domain     = "forebay.example.com"
    home       = local.topology.regions[0].name
    watchers   = slice(local.topology.regions[*].name, 0, min(2, length(local.topology.regions)))
    placements = {
      for number, region in local.topology.regions : region.name => {
        aws_region   = local.aws_regions[number]
        address_slot = number
        zones        = [for letter in ["a", "b", "c"] : "${local.aws_regions[number]}${letter}"]
      }
    }
    images = {
      forebay_digest = "sha256:${sha256("forebay")}"
      collector      = "collector@sha256:${sha256("collector")}"
    }
    nats = {
      archive = { url = "https://example.com/nats-server-v2.15.0-linux-arm64.tar.gz", sha256 = sha256("nats-server") }
    }
  }
}

module "deployment" {
  source = "../../modules/deployment"

  topology   = local.topology
  deployment = local.deployment
}

module "process_environment" {
  source   = "../../modules/process-environment"
  for_each = module.deployment.regions

  region                   = each.key
  ports                    = module.deployment.ports
  nats_host                = each.value.names.nats_host
  postgres_connections_max = module.deployment.sizes.processes.postgres_connections_max
  settings                 = module.deployment.settings
}

# The plan holds together, whatever the topology.
check "ranges_do_not_overlap" {
  assert {
    condition = length(distinct([for region in module.deployment.regions : region.addresses.vpc_range])) == length(module.deployment.regions)

    error_message = "Two regions have the same range."
  }
}
