variable "secret_versions" {
  description = "Raise one by one to have its value made anew, such as { FOREBAY_NATS_PASSWORD_EU_2 = 2 }; see \"Secrets\" in terraform/README.md."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : version >= 1 && floor(version) == version])
    error_message = "Versions are whole numbers from 1."
  }

  validation {
    condition     = length(setsubtract(keys(var.secret_versions), concat(keys(local.made_secrets), keys(local.own_secrets)))) == 0
    error_message = "There is no secret of this name: ${join(", ", setsubtract(keys(var.secret_versions), concat(keys(local.made_secrets), keys(local.own_secrets))))}."
  }
}

variable "has_grafana" {
  description = "Whether to make a Grafana workspace; the account must have IAM Identity Center."
  type        = bool
  default     = false
}
