output "regions" {
  description = "By name: AWS region, zones, addresses, names."
  value       = module.deployment.regions
}

output "pairs" {
  description = "The links that would be made."
  value       = module.deployment.pairs
}

output "nats_members" {
  description = "The servers of the log."
  value       = module.deployment.nats_members
}

output "processes" {
  description = "By region: what a process would be told."
  value       = module.process_environment
}
