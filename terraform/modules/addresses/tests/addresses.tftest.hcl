# The address plan: regions never overlap, and none moves when another comes or goes.
run "three_regions" {
  command = plan

  variables {
    slots = { eu = 0, us = 1, ap = 2 }
  }

  assert {
    condition     = output.regions["eu"].vpc_range == "10.64.0.0/16" && output.regions["ap"].vpc_range == "10.66.0.0/16"
    error_message = "A region's range must follow from its slot."
  }

  assert {
    condition     = output.regions["us"].nats_server == "10.65.8.10" && output.regions["us"].nats_range == "10.65.8.0/22"
    error_message = "A NATS server's address must follow from its region's slot, and lie in what peers have routes to."
  }

  assert {
    condition = length(distinct(flatten([
      for region in values(output.regions) : [region.public_ranges, region.database_ranges, region.nats_ranges, region.process_ranges]
    ]))) == 3 * 4 * 4
    error_message = "Two subnets have the same range."
  }
}

run "a_region_comes" {
  command = plan

  variables {
    slots = { eu = 0, us = 1, ap = 2, sa = 7, aa = 63 }
  }

  assert {
    condition     = output.regions["eu"] == run.three_regions.regions["eu"] && output.regions["us"] == run.three_regions.regions["us"] && output.regions["ap"] == run.three_regions.regions["ap"]
    error_message = "Adding regions has moved another one."
  }

  assert {
    condition     = output.regions["aa"].vpc_range == "10.127.0.0/16"
    error_message = "The last slot must still be within the /10."
  }
}

run "a_region_goes" {
  command = plan

  variables {
    slots = { us = 1, ap = 2 }
  }

  assert {
    condition     = output.regions["us"] == run.three_regions.regions["us"] && output.regions["ap"] == run.three_regions.regions["ap"]
    error_message = "Removing a region has moved another one."
  }
}

run "two_regions_in_one_slot" {
  command = plan

  variables {
    slots = { eu = 0, us = 0 }
  }

  expect_failures = [var.slots]
}

run "a_slot_that_is_not_there" {
  command = plan

  variables {
    slots = { eu = 64 }
  }

  expect_failures = [var.slots]
}

run "a_range_that_is_public" {
  command = plan

  variables {
    slots      = { eu = 0 }
    base_range = "11.64.0.0/10"
  }

  expect_failures = [var.base_range]
}

run "a_range_that_is_too_small" {
  command = plan

  variables {
    slots      = { eu = 0 }
    base_range = "10.64.0.0/16"
  }

  expect_failures = [var.base_range]
}
