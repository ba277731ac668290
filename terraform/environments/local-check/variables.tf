variable "topology_file" {
  description = "Below regions/: what is planned."
  type        = string
  default     = "local.yaml"

  validation {
    condition     = fileexists("${path.root}/../../../regions/${var.topology_file}")
    error_message = "There is no regions/${var.topology_file}."
  }
}
