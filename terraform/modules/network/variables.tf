variable "prefix" {
  description = "What names begin with."
  type        = string
}

variable "zones" {
  description = "Availability zones, in an order that never changes: subnets are numbered by it."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 4
    error_message = "There are ${length(var.zones)} zones; there must be 2 to 4, so that one may fail."
  }
}

variable "addresses" {
  description = "The region's part of the address plan, from module addresses."
  type = object({
    vpc_range       = string
    public_ranges   = list(string)
    process_ranges  = list(string)
    database_ranges = list(string)
    nats_ranges     = list(string)
  })
}

variable "aws_region" {
  description = "For the names of AWS' endpoints."
  type        = string
}

variable "endpoints" {
  description = "AWS services that tasks and servers need in order to start, reached without the NAT gateways."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"]
}

variable "endpoint_security_group_id" {
  description = "From module firewall."
  type        = string
}

variable "kms_key_arn" {
  description = "For the flow logs."
  type        = string
}

variable "flow_log_days" {
  description = "How long flow logs are kept."
  type        = number
  default     = 30
}
