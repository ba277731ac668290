# Every topology of the repository can be planned.
run "local" {
  command = plan

  assert {
    condition     = length(output.regions) == 3 && length(output.pairs) == 3
    error_message = "Three regions have three links."
  }
}

run "aws_three_regions" {
  command = plan

  variables {
    topology_file = "aws-three-regions.yaml"
  }

  assert {
    condition     = output.processes["eu"].environment["FOREBAY_REGION"] == "eu"
    error_message = "Each process must know its region."
  }
}

run "a_topology_that_is_not_there" {
  command = plan

  variables {
    topology_file = "nowhere.yaml"
  }

  expect_failures = [var.topology_file]
}
