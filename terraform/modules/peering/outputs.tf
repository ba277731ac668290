output "peering_id" {
  description = "Of the peering connection."
  value       = aws_vpc_peering_connection.this.id
}
