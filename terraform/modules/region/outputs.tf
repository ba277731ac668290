output "balancer" {
  description = "For DNS records: the balancer's name and its zone."
  value       = { dns_name = aws_lb.this.dns_name, zone_id = aws_lb.this.zone_id }
}

output "processes_host" {
  description = "Where the collector finds the address of every process."
  value       = "${aws_service_discovery_service.processes.name}.${aws_service_discovery_private_dns_namespace.this.name}"
}

output "cluster_name" {
  description = "Of the ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "For the collector."
  value       = aws_ecs_cluster.this.arn
}

output "service_name" {
  description = "Of the ECS service."
  value       = aws_ecs_service.this.name
}
