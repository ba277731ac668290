variable "is_protected" {
  description = "False only while this region is being removed for good; see \"A region goes\" in terraform/README.md."
  type        = bool
  default     = true
}

variable "password_version" {
  description = "Of the database's password: raise it by one to change it."
  type        = number
  default     = 1
}

variable "nats_password_slot" {
  description = "Which of the two passwords of its NATS users the region uses."
  type        = number
  default     = 1
}
