variable "zone" {
  description = "The public hosted zone, which is there already."
  type        = string
}

variable "region" {
  description = "The region's name in the topology."
  type        = string
}

variable "aws_region" {
  description = "Whose clients are sent here first."
  type        = string
}

variable "hosts" {
  description = "From module names: global (all regions), region (this one)."
  type        = object({ global = string, region = string })

  validation {
    condition     = endswith(var.hosts.global, ".${var.zone}") && endswith(var.hosts.region, ".${var.zone}")
    error_message = "${var.hosts.global} is not below the zone ${var.zone}."
  }
}

variable "balancer" {
  description = "From module region."
  type        = object({ dns_name = string, zone_id = string })
}

variable "internal" {
  description = "The private zone of the region, and the NATS server in it."
  type        = object({ zone = string, vpc_id = string, nats_host = string, nats_address = string })
}
