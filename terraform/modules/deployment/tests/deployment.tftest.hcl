# deployment.yaml as it is shipped, and what is refused in it.
variables {
  topology = yamldecode(file("../../../regions/aws-three-regions.yaml"))
  deployment = merge(yamldecode(file("../../environments/aws-three-regions/deployment.yaml")), {
    account_id = "123456789012"
  })
}

run "what_is_shipped" {
  command = plan

  assert {
    condition     = join(" ", keys(output.regions)) == "ap eu us" && output.cluster == "forebay"
    error_message = "The topology's regions must be there."
  }

  assert {
    condition     = length(output.nats_password_secrets.common) == 3 && alltrue([for secrets in values(output.nats_password_secrets.regions) : length(secrets) == 2])
    error_message = "Each region has two passwords, so has maintenance, and routes have one."
  }

  assert {
    condition     = output.nats_members["us"].address == "10.65.8.10"
    error_message = "A NATS server must be where the address plan has it."
  }
}

run "the_account_of_the_example" {
  command = plan

  variables {
    deployment = yamldecode(file("../../environments/aws-three-regions/deployment.yaml"))
  }

  expect_failures = [var.deployment]
}

run "a_home_that_is_no_region" {
  command = plan

  variables {
    deployment = merge(yamldecode(file("../../environments/aws-three-regions/deployment.yaml")), {
      account_id = "123456789012"
      home       = "mars"
    })
  }

  expect_failures = [var.deployment]
}

run "a_domain_of_somebody_else" {
  command = plan

  variables {
    deployment = merge(yamldecode(file("../../environments/aws-three-regions/deployment.yaml")), {
      account_id = "123456789012"
      domain     = "api.example.org"
    })
  }

  expect_failures = [var.deployment]
}

run "an_image_by_its_tag" {
  command = plan

  variables {
    deployment = merge(yamldecode(file("../../environments/aws-three-regions/deployment.yaml")), {
      account_id = "123456789012"
      images     = { forebay_digest = "latest", collector = "collector" }
    })
  }

  expect_failures = [var.deployment]
}

run "more_processes_than_the_database_has_connections_for" {
  command = plan

  variables {
    deployment = merge(yamldecode(file("../../environments/aws-three-regions/deployment.yaml")), {
      account_id = "123456789012"
      processes  = { tasks_maximum = 40 }
    })
  }

  expect_failures = [var.deployment]
}
