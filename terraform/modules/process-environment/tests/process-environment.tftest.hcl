# What region processes are told.
variables {
  region                   = "eu"
  ports                    = { http = 7100, nats_client = 4222, nats_monitor = 8222 }
  nats_host                = "nats.eu.forebay.internal"
  postgres_connections_max = 16
}

run "environment" {
  command = plan

  assert {
    condition     = output.environment["FOREBAY_NATS_URL"] == "tls://nats.eu.forebay.internal:4222"
    error_message = "Processes must talk TLS to their own region's server."
  }

  assert {
    condition     = length(setintersection(keys(output.environment), keys(output.secret_variables))) == 0
    error_message = "A secret stands in clear."
  }

  assert {
    condition     = output.files["nats-user"].text == "eu.1:{}"
    error_message = "The region's NATS user must be that of the slot in use."
  }
}

run "the_other_password" {
  command = plan

  variables {
    nats_password_slot = 2
  }

  assert {
    condition     = output.files["nats-user"].text == "eu.2:{}" && output.files["nats-maintenance"].text == "MAINTENANCE.2:{}"
    error_message = "Both users must change over."
  }
}

run "a_third_password" {
  command = plan

  variables {
    nats_password_slot = 3
  }

  expect_failures = [var.nats_password_slot]
}

run "settings_do_not_replace_what_is_known" {
  command = plan

  variables {
    settings = { FOREBAY_REGION = "us", FOREBAY_LOG_LEVEL = "warn" }
  }

  assert {
    condition     = output.environment["FOREBAY_REGION"] == "eu" && output.environment["FOREBAY_LOG_LEVEL"] == "warn"
    error_message = "A deployment's settings must not change who a process is."
  }
}

run "a_setting_with_a_foreign_name" {
  command = plan

  variables {
    settings = { NODE_OPTIONS = "--inspect=0.0.0.0" }
  }

  expect_failures = [var.settings]
}

run "a_secret_among_settings" {
  command = plan

  variables {
    settings = { FOREBAY_SESSION_SECRET = "abc" }
  }

  expect_failures = [var.settings]
}

run "an_address_with_a_password_among_settings" {
  command = plan

  variables {
    settings = { FOREBAY_POSTGRES_URL = "postgresql://forebay:secret@db/forebay" }
  }

  expect_failures = [var.settings]
}

run "no_authentication" {
  command = plan

  variables {
    settings = { FOREBAY_AUTHENTICATION = "off" }
  }

  expect_failures = [var.settings]
}
