# What a topology and its placements may be, and what follows from them.
variables {
  topology = {
    name       = "forebay"
    partitions = 4
    regions    = [{ name = "us", location = "Virginia" }, { name = "eu" }, { name = "ap" }]
    links      = [{ between = ["eu", "us"], round_trip_ms = 90 }]
  }
  placements = {
    eu = { aws_region = "eu-central-1", address_slot = 0, zones = ["eu-central-1a", "eu-central-1b"] }
    us = { aws_region = "us-east-1", address_slot = 1, zones = ["us-east-1a", "us-east-1b"] }
    ap = { aws_region = "ap-southeast-1", address_slot = 2, zones = ["ap-southeast-1a", "ap-southeast-1b"] }
  }
}

run "a_topology" {
  command = plan

  assert {
    condition     = output.regions["us"].aws_region == "us-east-1" && output.regions["us"].location == "Virginia"
    error_message = "A region must know its place."
  }

  assert {
    condition     = join(" ", keys(output.pairs)) == "ap--eu ap--us eu--us"
    error_message = "Each pair must be there once, under a name that the file's order does not change."
  }
}

run "a_name_in_upper_case" {
  command = plan

  variables {
    topology = { name = "Forebay", partitions = 4, regions = [{ name = "us" }, { name = "eu" }, { name = "ap" }] }
  }

  expect_failures = [var.topology]
}

run "no_partitions" {
  command = plan

  variables {
    topology = { name = "forebay", partitions = 0, regions = [{ name = "us" }, { name = "eu" }, { name = "ap" }] }
  }

  expect_failures = [var.topology]
}

run "a_link_to_nowhere" {
  command = plan

  variables {
    topology = {
      name       = "forebay"
      partitions = 4
      regions    = [{ name = "us" }, { name = "eu" }, { name = "ap" }]
      links      = [{ between = ["eu", "moon"], round_trip_ms = 2600 }]
    }
  }

  expect_failures = [var.topology]
}

run "a_region_twice" {
  command = plan

  variables {
    topology = { name = "forebay", partitions = 4, regions = [{ name = "us" }, { name = "us" }, { name = "eu" }, { name = "ap" }] }
  }

  expect_failures = [var.topology]
}

run "a_region_without_a_place" {
  command = plan

  variables {
    placements = {
      eu = { aws_region = "eu-central-1", address_slot = 0, zones = ["eu-central-1a", "eu-central-1b"] }
    }
  }

  expect_failures = [var.placements]
}

run "a_place_without_a_region" {
  command = plan

  variables {
    topology = { name = "forebay", partitions = 4, regions = [{ name = "us" }, { name = "eu" }] }
  }

  expect_failures = [var.placements]
}

run "two_regions_in_one_slot" {
  command = plan

  variables {
    placements = {
      eu = { aws_region = "eu-central-1", address_slot = 1, zones = ["eu-central-1a", "eu-central-1b"] }
      us = { aws_region = "us-east-1", address_slot = 1, zones = ["us-east-1a", "us-east-1b"] }
      ap = { aws_region = "ap-southeast-1", address_slot = 2, zones = ["ap-southeast-1a", "ap-southeast-1b"] }
    }
  }

  expect_failures = [var.placements]
}

run "two_regions_in_one_place" {
  command = plan

  variables {
    placements = {
      eu = { aws_region = "us-east-1", address_slot = 0, zones = ["us-east-1a", "us-east-1b"] }
      us = { aws_region = "us-east-1", address_slot = 1, zones = ["us-east-1a", "us-east-1b"] }
      ap = { aws_region = "ap-southeast-1", address_slot = 2, zones = ["ap-southeast-1a", "ap-southeast-1b"] }
    }
  }

  expect_failures = [var.placements]
}

run "a_zone_of_another_region" {
  command = plan

  variables {
    placements = {
      eu = { aws_region = "eu-central-1", address_slot = 0, zones = ["eu-central-1a", "eu-west-1b"] }
      us = { aws_region = "us-east-1", address_slot = 1, zones = ["us-east-1a", "us-east-1b"] }
      ap = { aws_region = "ap-southeast-1", address_slot = 2, zones = ["ap-southeast-1a", "ap-southeast-1b"] }
    }
  }

  expect_failures = [var.placements]
}

run "one_zone_alone" {
  command = plan

  variables {
    placements = {
      eu = { aws_region = "eu-central-1", address_slot = 0, zones = ["eu-central-1a"] }
      us = { aws_region = "us-east-1", address_slot = 1, zones = ["us-east-1a", "us-east-1b"] }
      ap = { aws_region = "ap-southeast-1", address_slot = 2, zones = ["ap-southeast-1a", "ap-southeast-1b"] }
    }
  }

  expect_failures = [var.placements]
}
