# The topology with its places: what all other modules are driven by. No provider, so it can be tested anywhere.
locals {
  regions = {
    for region in var.topology.regions : region.name => {
      location     = region.location
      aws_region   = var.placements[region.name].aws_region
      address_slot = var.placements[region.name].address_slot
      zones        = var.placements[region.name].zones
    }
  }

  # In alphabetical order, so that a pair has one name whatever the order of the file.
  names = sort(keys(local.regions))
  pairs = {
    for pair in flatten([
      for position, one in local.names : [
        for other in slice(local.names, position + 1, length(local.names)) : { one = one, other = other }
      ]
    ]) : "${pair.one}--${pair.other}" => pair
  }
}
