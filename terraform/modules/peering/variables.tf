variable "name" {
  description = "Of the pair, such as eu--us."
  type        = string
}

variable "cluster" {
  description = "The cluster's name: whose networks are joined."
  type        = string
}

variable "requester" {
  description = "One end: the region's name, its AWS region, and the range of its NATS servers."
  type        = object({ region = string, aws_region = string, nats_range = string })
}

variable "accepter" {
  description = "The other end."
  type        = object({ region = string, aws_region = string, nats_range = string })

  validation {
    condition     = var.accepter.aws_region != var.requester.aws_region && var.accepter.nats_range != var.requester.nats_range
    error_message = "A link joins two different regions; both ends of ${var.name} are ${var.accepter.region}."
  }
}
