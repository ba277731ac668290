variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "region" {
  description = "The region's name in the topology, which is the server's name too."
  type        = string
}

variable "placement" {
  description = "Where the server is, for ever: zone, subnet and address."
  type        = object({ zone = string, subnet_id = string, address = string })
}

variable "security_group_id" {
  description = "From module firewall."
  type        = string
}

variable "ports" {
  description = "From module ports."
  type        = map(number)
}

variable "members" {
  description = "By region, this one included: host name and address of its server."
  type        = map(object({ host = string, address = string }))

  validation {
    condition     = contains(keys(var.members), var.region)
    error_message = "members must include the region itself, ${var.region}."
  }

  validation {
    condition     = length(distinct(values(var.members)[*].address)) == length(var.members)
    error_message = "Two NATS servers have the same address."
  }
}

variable "server_config" {
  description = "The server's configuration, as `forebay nats config` prints it. Passwords are variables in it."
  type        = string

  validation {
    condition     = trimspace(var.server_config) != ""
    error_message = "There is no nats.conf yet. Make it as terraform/README.md says: forebay nats config --region NAME … > nats.conf"
  }

  validation {
    condition     = trimspace(var.server_config) == "" || can(regex("(?m)^server_name: \"${var.region}\"$", var.server_config))
    error_message = "nats.conf is not that of region ${var.region}: it must say server_name: \"${var.region}\"."
  }

  validation {
    condition     = !can(regex("(?i)password: *\"", var.server_config))
    error_message = "nats.conf holds a password. It must name variables ($FOREBAY_NATS_…), which the server gets from Secrets Manager."
  }

  validation {
    condition     = trimspace(var.server_config) == "" || alltrue([for text in ["include \"variables.conf\"", "sync_interval: always", "unique_tag: \"region:\"", "verify: true"] : strcontains(var.server_config, text)])
    error_message = "nats.conf must include \"variables.conf\" and say sync_interval: always, unique_tag: \"region:\" and, for routes, verify: true. Make it anew with forebay nats config."
  }

  validation {
    condition     = trimspace(var.server_config) == "" || alltrue([for port in [var.ports.nats_client, var.ports.nats_cluster, var.ports.nats_monitor] : strcontains(var.server_config, ":${port}\"")])
    error_message = "nats.conf must listen at ${var.ports.nats_client} for clients, ${var.ports.nats_cluster} for routes and ${var.ports.nats_monitor} for monitoring: the firewall lets nothing else through."
  }

  validation {
    condition     = trimspace(var.server_config) == "" || alltrue([for path in ["/var/lib/nats", "/run/nats/ca.pem", "/run/nats/server.pem", "/run/nats/server.key"] : strcontains(var.server_config, "\"${path}\"")])
    error_message = "nats.conf must name /var/lib/nats as its store, and /run/nats/ca.pem, server.pem and server.key for TLS: that is where the machine has them."
  }
}

variable "archive" {
  description = "The release archive of nats-server for linux-arm64, and its SHA-256."
  type        = object({ url = string, sha256 = string })

  validation {
    condition     = can(regex("^https://.*nats-server-v([2-9]\\.(1[1-9]|[2-9][0-9])|[3-9]).*linux-arm64\\.tar\\.gz$", var.archive.url))
    error_message = "archive.url must be https, and name nats-server 2.11 or newer for linux-arm64 as tar.gz."
  }

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.archive.sha256))
    error_message = "archive.sha256 must be 64 hexadecimal digits: the sum of the archive, from the release's SHA256SUMS."
  }
}

variable "instance_type" {
  description = "An arm64 type such as m7g.large."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+[0-9]+g[a-z]*\\.", var.instance_type)) && !startswith(var.instance_type, "t")
    error_message = "instance_type is \"${var.instance_type}\"; it must be arm64 and not one that is slowed down when credits are used up, such as m7g.large."
  }
}

variable "volume" {
  description = "The log's own volume (gp3): GiB, provisioned operations and MiB per second."
  type        = object({ gib = number, iops = number, mib_per_second = number })

  validation {
    condition     = var.volume.gib >= 24
    error_message = "The volume has ${var.volume.gib} GiB; it must have at least 24: the server may use 16 GB for the log, and compaction needs room beside it."
  }

  validation {
    condition     = var.volume.iops >= 3000 && var.volume.iops <= 16000 && var.volume.iops <= var.volume.gib * 500
    error_message = "The volume has ${var.volume.iops} operations per second; gp3 has 3000 to 16000, and 500 per GiB at most."
  }

  validation {
    condition     = var.volume.mib_per_second >= 125 && var.volume.mib_per_second <= 1000 && var.volume.mib_per_second <= var.volume.iops * 0.25
    error_message = "The volume has ${var.volume.mib_per_second} MiB/s; gp3 has 125 to 1000, and a quarter of the operations per second at most."
  }
}

variable "kms_key_arn" {
  description = "For volumes and logs."
  type        = string
}

variable "shared_kms_key_arn" {
  description = "What the shared secrets in this region are encrypted with."
  type        = string
}

variable "secret_arns" {
  description = "Of the secrets that the server reads when it starts: passwords by the variables of nats.conf, authority, its certificate."
  type        = object({ passwords = map(string), ca = string, certificate = string })
}

variable "alarm_topic_arn" {
  description = "Where alarms are told."
  type        = string
}
