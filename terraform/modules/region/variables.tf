variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "region" {
  description = "The region's name in the topology."
  type        = string
}

variable "aws_region" {
  description = "For log drivers."
  type        = string
}

variable "account_id" {
  description = "Whose balancer logs may be written."
  type        = string
}

variable "network" {
  description = "From module network."
  type        = object({ vpc_id = string, public_subnet_ids = list(string), process_subnet_ids = list(string) })
}

variable "security_group_ids" {
  description = "From module firewall."
  type        = map(string)
}

variable "ports" {
  description = "From module ports."
  type        = map(number)
}

variable "image" {
  description = "The image of region processes, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is \"${var.image}\"; it must end with @sha256: and 64 hexadecimal digits, so that all tasks run the same."
  }
}

variable "process" {
  description = "From module process-environment, with the texts of files that are not secret, by their names."
  type = object({
    environment      = map(string)
    secret_variables = map(string)
    files            = map(object({ source = string, name = string, text = string }))
    files_folder     = string
    plain_texts      = map(string)
  })
}

variable "secret_references" {
  description = "What ECS reads secrets by, by the names that process.secret_variables and process.files use."
  type        = map(string)
}

variable "secret_arns" {
  description = "The secrets that tasks may read."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "region: for logs and what the region owns; shared: for what all regions share."
  type        = object({ region = string, shared = string })
}

variable "task_size" {
  description = "Of one process: CPU units (1024 are one) and MiB."
  type        = object({ cpu = number, memory_mib = number })

  validation {
    condition     = contains([1024, 2048, 4096, 8192], var.task_size.cpu)
    error_message = "task_size.cpu is ${var.task_size.cpu}; it must be 1024, 2048, 4096 or 8192."
  }

  validation {
    condition = (
      var.task_size.memory_mib >= var.task_size.cpu * 2 &&
      var.task_size.memory_mib <= var.task_size.cpu * (var.task_size.cpu >= 4096 ? 7.5 : 8) &&
      var.task_size.memory_mib % (var.task_size.cpu == 8192 ? 4096 : 1024) == 0
    )
    error_message = "task_size.memory_mib is ${var.task_size.memory_mib}; Fargate takes whole GiB, two to eight per CPU (7.5 from four CPUs on, and fours of GiB with eight)."
  }
}

variable "tasks" {
  description = "How many processes the region has, at least and at most."
  type        = object({ minimum = number, maximum = number })

  validation {
    condition     = var.tasks.minimum >= 2
    error_message = "tasks.minimum is ${var.tasks.minimum}; it must be at least 2, so that one may end."
  }

  validation {
    condition     = var.tasks.maximum >= var.tasks.minimum && var.tasks.maximum <= 50
    error_message = "tasks.maximum is ${var.tasks.maximum}; it must be from ${var.tasks.minimum} (the minimum) to 50."
  }
}

variable "scaling_targets" {
  description = "What each process should have to do on average: percent of its CPU, and requests at once."
  type        = object({ cpu_percent = number, requests_in_flight = number })
  default     = { cpu_percent = 55, requests_in_flight = 400 }

  validation {
    condition     = var.scaling_targets.cpu_percent >= 20 && var.scaling_targets.cpu_percent <= 80
    error_message = "scaling_targets.cpu_percent is ${var.scaling_targets.cpu_percent}; it must be from 20 to 80: a region has to take another one's clients."
  }
}

variable "certificate_arn" {
  description = "For the balancer, from module dns."
  type        = string
}

variable "is_protected" {
  description = "False only while a region is being removed for good."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "How long logs of processes are kept."
  type        = number
  default     = 30
}
