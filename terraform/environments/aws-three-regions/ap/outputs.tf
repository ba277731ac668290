output "url" {
  description = "This region alone."
  value       = module.site.url
}

output "nearest_url" {
  description = "Whichever region is nearest and ready."
  value       = module.site.nearest_url
}

output "console_url" {
  description = "The view of all regions."
  value       = module.site.console_url
}

output "nats_instance_id" {
  description = "For Session Manager."
  value       = module.site.nats_instance_id
}

output "alarm_topic_arn" {
  description = "Subscribe to it."
  value       = module.site.alarm_topic_arn
}

output "next_steps" {
  description = "What to do after an apply."
  value       = module.site.next_steps
}
