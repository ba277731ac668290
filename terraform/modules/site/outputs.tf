output "url" {
  description = "This region alone."
  value       = "https://${local.names.region_host}"
}

output "nearest_url" {
  description = "Whichever region is nearest and ready."
  value       = "https://${local.names.global_host}"
}

output "console_url" {
  description = "The view of all regions."
  value       = "https://${local.names.region_host}/console/"
}

output "nats_instance_id" {
  description = "For Session Manager."
  value       = module.nats.instance_id
}

output "alarm_topic_arn" {
  description = "Subscribe to it."
  value       = aws_sns_topic.alarm.arn
}

output "next_steps" {
  description = "What to do after an apply."
  value       = <<-TEXT
    Region ${var.region} is at https://${local.names.region_host} once https://${local.names.region_host}/readyz says so.
    1. Subscribe to alarms: aws sns subscribe --region ${local.aws_region} --topic-arn ${aws_sns_topic.alarm.arn} --protocol email --notification-endpoint YOU
    2. When all regions are applied, join them: terraform -chdir=../links apply
    3. See whether all is well: forebay status --url https://${local.names.region_host}
    Its server: aws ssm start-session --region ${local.aws_region} --target ${module.nats.instance_id} (volume ${module.nats.volume_id})
    Its processes: aws ecs describe-services --region ${local.aws_region} --cluster ${module.region.cluster_name} --services ${module.region.service_name}
    Its database: ${module.postgres.identifier}; its health check: ${module.dns.health_check_id}; its collector's log: ${module.collector.log_group}
  TEXT
}
