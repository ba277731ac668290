output "vpc_id" {
  description = "Of the region's VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "For the balancer, one a zone."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "process_subnet_ids" {
  description = "For region processes, one a zone."
  value       = [for zone in var.zones : aws_subnet.process[zone].id]
}

output "database_subnet_ids" {
  description = "For the database, one a zone."
  value       = [for zone in var.zones : aws_subnet.database[zone].id]
}

output "nats_subnet_id" {
  description = "Of the first zone, where the region's NATS server is."
  value       = aws_subnet.nats[var.zones[0]].id
}
