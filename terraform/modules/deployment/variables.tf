variable "topology" {
  description = "regions/*.yaml, decoded. Module topology says what is wrong with it."
  type        = any
}

variable "deployment" {
  description = "deployment.yaml, decoded: what is true of this deployment alone."
  type = object({
    account_id = string
    # A public hosted zone of the account, and the service's name in it.
    zone   = string
    domain = string
    # Where images are pushed to and shared secrets are written first.
    home = string
    # Regions that keep everybody's metrics. Two, so that one may be lost.
    watchers = list(string)
    placements = map(object({
      aws_region   = string
      address_slot = number
      zones        = list(string)
    }))
    images = object({
      forebay_digest = string
      collector      = string
    })
    nats = object({
      archive        = object({ url = string, sha256 = string })
      instance_type  = optional(string, "m7g.large")
      gib            = optional(number, 64)
      iops           = optional(number, 6000)
      mib_per_second = optional(number, 250)
    })
    postgres = optional(object({
      engine_version  = optional(string, "17")
      instance_class  = optional(string, "db.m7g.large")
      initial_gib     = optional(number, 200)
      maximum_gib     = optional(number, 1000)
      connections_max = optional(number, 600)
      backup_days     = optional(number, 14)
    }), {})
    processes = optional(object({
      cpu                      = optional(number, 2048)
      memory_mib               = optional(number, 4096)
      tasks_minimum            = optional(number, 2)
      tasks_maximum            = optional(number, 6)
      postgres_connections_max = optional(number, 16)
    }), {})
    settings = optional(map(string), {})
  })

  validation {
    condition     = can(regex("^[0-9]{12}$", var.deployment.account_id))
    error_message = "account_id is \"${var.deployment.account_id}\"; it must be the 12 digits of your account, in quotes."
  }

  validation {
    condition     = var.deployment.account_id != "000000000000"
    error_message = "account_id is still the example's. Write your own into deployment.yaml."
  }

  validation {
    condition     = endswith(var.deployment.domain, ".${var.deployment.zone}")
    error_message = "domain is \"${var.deployment.domain}\", which is not below the zone ${var.deployment.zone}."
  }

  validation {
    condition     = contains(keys(var.deployment.placements), var.deployment.home)
    error_message = "home is \"${var.deployment.home}\"; it must be one of ${join(", ", keys(var.deployment.placements))}."
  }

  validation {
    condition     = length(var.deployment.watchers) >= 1 && length(setsubtract(var.deployment.watchers, keys(var.deployment.placements))) == 0
    error_message = "watchers are ${join(", ", var.deployment.watchers)}; they must be some of ${join(", ", keys(var.deployment.placements))}."
  }

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.deployment.images.forebay_digest))
    error_message = "images.forebay_digest is \"${var.deployment.images.forebay_digest}\"; it must be sha256: and 64 hexadecimal digits, as the registry shows it."
  }

  validation {
    # While a deployment runs there are twice as many processes; each has its pool, and two connections that wait for news.
    condition = (
      var.deployment.processes.tasks_maximum * 2 * (var.deployment.processes.postgres_connections_max + 4) + 10
      <= var.deployment.postgres.connections_max
    )
    error_message = "${var.deployment.processes.tasks_maximum} processes, twice while they are replaced, may take ${var.deployment.processes.tasks_maximum * 2 * (var.deployment.processes.postgres_connections_max + 4) + 10} connections; postgres.connections_max is ${var.deployment.postgres.connections_max}. Raise it, or have fewer of either."
  }
}
