output "regions" {
  description = "By region: the ranges of its VPC and subnets (lists by zone), and the address of its NATS server."
  value = {
    for name, region in local.regions : name => {
      vpc_range       = region.vpc_range
      public_ranges   = [for zone in range(local.zones_max) : cidrsubnet(region.vpc_range, 8, zone)]
      database_ranges = [for zone in range(local.zones_max) : cidrsubnet(region.vpc_range, 8, 4 + zone)]
      nats_ranges     = [for zone in range(local.zones_max) : cidrsubnet(region.vpc_range, 8, 8 + zone)]
      nats_range      = cidrsubnet(region.vpc_range, 6, 2)
      process_ranges  = [for zone in range(local.zones_max) : cidrsubnet(region.vpc_range, 4, 1 + zone)]
      nats_server     = cidrhost(cidrsubnet(region.vpc_range, 8, 8), local.nats_address)
    }
  }
}
