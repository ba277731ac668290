# What things are called.
variables {
  cluster = "forebay"
  region  = "eu"
  domain  = "api.example.com"
}

run "names" {
  command = plan

  assert {
    condition     = output.prefix == "forebay-eu" && output.nats_host == "nats.eu.forebay.internal" && output.region_host == "eu.api.example.com"
    error_message = "Names must follow from cluster, region and domain."
  }

  assert {
    condition     = length(distinct(values(output.secrets))) == length(output.secrets)
    error_message = "Two secrets have the same name."
  }
}

run "names_that_are_too_long_together" {
  command = plan

  variables {
    cluster = "abcdefghijklmnop"
    region  = "abcdefghijklmnop"
  }

  expect_failures = [var.region]
}

run "a_region_with_a_dot" {
  command = plan

  variables {
    region = "eu.west"
  }

  expect_failures = [var.region]
}

run "a_domain_that_is_a_zone" {
  command = plan

  variables {
    domain = "localhost"
  }

  expect_failures = [var.domain]
}
