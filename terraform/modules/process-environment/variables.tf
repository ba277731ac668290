variable "region" {
  description = "The region's name in the topology."
  type        = string
}

variable "ports" {
  description = "From module ports."
  type        = map(number)
}

variable "nats_host" {
  description = "The region's NATS server, as its certificate names it."
  type        = string
}

variable "settings" {
  description = "Further FOREBAY_* settings of this deployment, such as FOREBAY_LOG_RETENTION_SECONDS; nothing secret."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^FOREBAY_[A-Z0-9_]+$", name))])
    error_message = "Settings must be called FOREBAY_…; there are ${join(", ", keys(var.settings))}."
  }

  validation {
    condition     = alltrue([for name in keys(var.settings) : !can(regex("SECRET|PASSWORD|_URL$|_KEY$|CREDENTIALS", name)) || can(regex("_(JWT_KEYS|TRACE_EXPORT)_URL$", name))])
    error_message = "Settings stand in clear in the task definition: secrets and addresses with passwords must not be among them; there are ${join(", ", keys(var.settings))}."
  }

  validation {
    condition     = !contains(keys(var.settings), "FOREBAY_AUTHENTICATION")
    error_message = "FOREBAY_AUTHENTICATION is not for the cloud: requests of this deployment are always authenticated."
  }
}

variable "postgres_connections_max" {
  description = "Connections of one process to its database."
  type        = number

  validation {
    condition     = var.postgres_connections_max >= 2 && var.postgres_connections_max <= 200
    error_message = "postgres_connections_max is ${var.postgres_connections_max}; it must be from 2 to 200."
  }
}

variable "nats_password_slot" {
  description = "Which of the two passwords of its NATS users the region uses: the other one is for changing them."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2], var.nats_password_slot)
    error_message = "nats_password_slot is ${var.nats_password_slot}; it must be 1 or 2."
  }
}
