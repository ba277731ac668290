output "peerings" {
  description = "By pair of regions."
  value       = { for pair, link in module.peering : pair => link.peering_id }
}

output "next_steps" {
  description = "What to do after an apply."
  value       = "Each region's console shows its routes within a minute: ${join(", ", [for region in module.deployment.regions : "https://${region.names.region_host}/console/"])}"
}
