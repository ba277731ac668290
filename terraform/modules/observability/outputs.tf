output "remote_write_url" {
  description = "Where collectors send metrics."
  value       = "${aws_prometheus_workspace.this.prometheus_endpoint}api/v1/remote_write"
}

output "query_url" {
  description = "The data source's address for Grafana, with SigV4 authentication."
  value       = aws_prometheus_workspace.this.prometheus_endpoint
}

output "workspace_arn" {
  description = "What collectors may write to."
  value       = aws_prometheus_workspace.this.arn
}

output "topic_arns" {
  description = "By severity; subscribe to them."
  value       = { for severity, topic in aws_sns_topic.alert : severity => topic.arn }
}
