variable "base_range" {
  description = "The private range that regions are cut from, a /10: 64 regions of a /16 each."
  type        = string
  default     = "10.64.0.0/10"

  validation {
    condition     = can(cidrhost(var.base_range, 0)) && endswith(var.base_range, "/10")
    error_message = "base_range is \"${var.base_range}\"; it must be an IPv4 range that ends with /10, such as 10.64.0.0/10."
  }

  validation {
    condition     = can(regex("^(10\\.(0|64|128|192)\\.0\\.0)/10$", var.base_range))
    error_message = "base_range is \"${var.base_range}\"; it must be a private one: 10.0.0.0/10, 10.64.0.0/10, 10.128.0.0/10 or 10.192.0.0/10."
  }
}

variable "slots" {
  description = "Each region's number in the plan. A region keeps it for ever, so that adding or removing one never moves another."
  type        = map(number)

  validation {
    condition     = length(distinct(values(var.slots))) == length(var.slots)
    error_message = "Two regions have the same slot: their networks would overlap."
  }

  validation {
    condition     = alltrue([for slot in values(var.slots) : slot >= 0 && slot <= 63])
    error_message = "Each slot must be a number from 0 to 63: the plan has room for 64 regions."
  }
}
