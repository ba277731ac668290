variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "region" {
  description = "The region's name in the topology: the label region of targets that don't answer."
  type        = string
}

variable "aws_region" {
  description = "For logs and CloudWatch metrics."
  type        = string
}

variable "account_id" {
  description = "Of the workspaces."
  type        = string
}

variable "cluster_arn" {
  description = "The ECS cluster, from module region."
  type        = string
}

variable "subnet_ids" {
  description = "The process subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "From module firewall."
  type        = string
}

variable "scrape" {
  description = "Where processes tell their metrics, and the key that they ask for."
  type        = object({ host = string, port = number, key_reference = string })
}

variable "remote_write_urls" {
  description = "By AWS region: where metrics are sent. Each watcher gets all of them."
  type        = map(string)

  validation {
    condition     = length(var.remote_write_urls) >= 1 && alltrue([for url in values(var.remote_write_urls) : startswith(url, "https://")])
    error_message = "There must be at least one address that metrics are sent to, and all must begin with https://."
  }
}

variable "image" {
  description = "The AWS Distro for OpenTelemetry collector, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The collector's image is \"${var.image}\"; it must end with @sha256: and 64 hexadecimal digits."
  }
}

variable "secret_arns" {
  description = "The secrets that the task may read."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "region: for logs; shared: for the key of the metrics."
  type        = object({ region = string, shared = string })
}
