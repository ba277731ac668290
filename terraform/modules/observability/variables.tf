variable "cluster" {
  description = "The cluster's name."
  type        = string
}

variable "aws_region" {
  description = "Where this workspace is."
  type        = string
}

variable "kms_key_arn" {
  description = "For metrics and messages."
  type        = string
}

variable "rule_files" {
  description = "Texts of the rules in infra/observability/rules, by name."
  type        = map(string)

  validation {
    condition     = length(var.rule_files) > 0 && alltrue([for text in values(var.rule_files) : can(yamldecode(text).groups)])
    error_message = "Each rule file must be YAML with groups of rules."
  }
}

variable "account_id" {
  description = "Whose workspace may publish alerts."
  type        = string
}
