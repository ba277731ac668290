output "name" {
  description = "The cluster's name: part of the name of everything."
  value       = var.topology.name
}

output "regions" {
  description = "By name: location, aws_region, address_slot, zones."
  value       = local.regions
}

output "pairs" {
  description = "Every two regions, by \"one--other\": each gets a link."
  value       = local.pairs
}
