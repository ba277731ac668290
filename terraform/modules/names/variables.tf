variable "cluster" {
  description = "The cluster's name, from the topology."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.cluster))
    error_message = "cluster is \"${var.cluster}\"; it must be 1 to 16 lower-case letters, digits or dashes and begin with a letter."
  }
}

variable "region" {
  description = "The region's name in the topology."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.region))
    error_message = "region is \"${var.region}\"; it must be 1 to 16 lower-case letters, digits or dashes and begin with a letter."
  }

  validation {
    # A balancer's name has 32 characters at most.
    condition     = length("${var.cluster}-${var.region}") <= 28
    error_message = "\"${var.cluster}-${var.region}\" is longer than 28 characters: choose a shorter name for the cluster or the region."
  }
}

variable "domain" {
  description = "The public host name of the service, such as api.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.){2,}[a-z]{2,}$", var.domain))
    error_message = "domain is \"${var.domain}\"; it must be a host name below a zone of yours, such as api.example.com."
  }
}
