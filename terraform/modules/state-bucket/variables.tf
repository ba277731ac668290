variable "name" {
  description = "Of the bucket: unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name is \"${var.name}\"; it must be 3 to 63 lower-case letters, digits or dashes."
  }
}

variable "aws_region" {
  description = "Where the bucket is."
  type        = string
}
