variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "vpc_id" {
  description = "From module network."
  type        = string
}

variable "ports" {
  description = "From module ports."
  type        = map(number)
}

variable "peer_nats_ranges" {
  description = "By name of each other region: the range of its NATS servers."
  type        = map(string)

  validation {
    condition     = alltrue([for range in values(var.peer_nats_ranges) : can(cidrhost(range, 0)) && try(tonumber(split("/", range)[1]), 0) >= 20])
    error_message = "Each peer's range must be that of its NATS subnets, a /20 or smaller, not of its whole network."
  }
}
