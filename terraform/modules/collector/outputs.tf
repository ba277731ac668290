output "log_group" {
  description = "What the collector says of itself."
  value       = aws_cloudwatch_log_group.this.name
}
