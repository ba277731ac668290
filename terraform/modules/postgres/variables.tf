variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "subnet_ids" {
  description = "The database subnets, in at least two zones."
  type        = list(string)
}

variable "security_group_id" {
  description = "From module firewall."
  type        = string
}

variable "kms_key_arn" {
  description = "For storage, backups, logs and secrets."
  type        = string
}

variable "port" {
  description = "From module ports."
  type        = number
}

variable "engine_version" {
  description = "Of PostgreSQL: the major version, such as \"17\". Minor versions come in the maintenance window."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^[0-9]+$", var.engine_version)) && try(tonumber(var.engine_version) >= 15, false)
    error_message = "engine_version is \"${var.engine_version}\"; it must be a major version of 15 or newer, such as \"17\"."
  }
}

variable "instance_class" {
  description = "Such as db.r7g.large; see the sizes in terraform/README.md."
  type        = string

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[0-9a-z]+$", var.instance_class))
    error_message = "instance_class is \"${var.instance_class}\"; it must be such as db.r7g.large."
  }

  validation {
    condition     = !can(regex("^db\\.t", var.instance_class))
    error_message = "instance_class is \"${var.instance_class}\", which is slowed down when its credits are used up; use a class such as db.m7g.large."
  }
}

variable "storage_gib" {
  description = "Storage to begin with, and what it may grow to by itself."
  type        = object({ initial = number, maximum = number })

  validation {
    condition     = var.storage_gib.initial >= 100 && var.storage_gib.maximum >= var.storage_gib.initial * 1.1
    error_message = "storage_gib is ${var.storage_gib.initial} to ${var.storage_gib.maximum}; it must begin with at least 100, and be able to grow by a tenth or more."
  }
}

variable "connections_max" {
  description = "max_connections of the server."
  type        = number

  validation {
    condition     = var.connections_max >= 60 && var.connections_max <= 5000
    error_message = "connections_max is ${var.connections_max}; it must be from 60 to 5000."
  }
}

variable "backup_days" {
  description = "How far back the database can be restored to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "backup_days is ${var.backup_days}; it must be from 7 to 35."
  }
}

variable "password_version" {
  description = "Raise it by one to change the password; see \"Secrets\" in terraform/README.md."
  type        = number
  default     = 1
}

variable "secret_names" {
  description = "From module names: postgres_password and postgres_url."
  type        = object({ postgres_password = string, postgres_url = string })
}

variable "is_protected" {
  description = "False only while a region is being removed for good."
  type        = bool
  default     = true
}

variable "alarm_topic_arn" {
  description = "Where alarms are told."
  type        = string
}
