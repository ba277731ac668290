variable "region" {
  description = "The region's name in the topology."
  type        = string
}

variable "topology_text" {
  description = "The topology's file, as processes read it."
  type        = string
}

variable "deployment" {
  description = "deployment.yaml, decoded."
  type        = any
}

variable "nats_config" {
  description = "The NATS server's configuration, as `forebay nats config` prints it."
  type        = string
}

variable "postgres_authorities" {
  description = "The certificates (PEM) that AWS signs databases of this AWS region with."
  type        = string

  validation {
    condition     = can(regex("-----BEGIN CERTIFICATE-----", var.postgres_authorities))
    error_message = "There is no postgres-ca.pem yet. Fetch it as terraform/README.md says, from truststore.pki.rds.amazonaws.com."
  }

  validation {
    # It is part of the task definition, which has 64 KB at most.
    condition     = length(var.postgres_authorities) <= 16384
    error_message = "postgres-ca.pem has ${length(var.postgres_authorities)} characters; take the bundle of the AWS region alone, which is small."
  }
}

variable "is_protected" {
  description = "False only while the region is being removed for good: it lets the balancer and the database be deleted."
  type        = bool
  default     = true
}

variable "password_version" {
  description = "Of the database's password: raise it by one to change it."
  type        = number
  default     = 1
}

variable "nats_password_slot" {
  description = "Which of the two passwords of its NATS users the region uses; see \"Secrets\" in terraform/README.md."
  type        = number
  default     = 1
}
