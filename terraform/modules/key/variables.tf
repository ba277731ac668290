variable "alias" {
  description = "The key's alias, which begins with alias/."
  type        = string

  validation {
    condition     = can(regex("^alias/[a-zA-Z0-9/_-]+$", var.alias)) && !startswith(var.alias, "alias/aws/")
    error_message = "alias is \"${var.alias}\"; it must be such as alias/forebay-eu."
  }
}

variable "description" {
  description = "What is encrypted with it."
  type        = string
}

variable "account_id" {
  description = "The account whose administrators may use and manage the key."
  type        = string
}

variable "aws_region" {
  description = "Where the key is."
  type        = string
}
