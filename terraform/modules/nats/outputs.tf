output "instance_id" {
  description = "For Session Manager: aws ssm start-session --target ID."
  value       = aws_instance.this.id
}

output "volume_id" {
  description = "The volume that holds this region's copy of the log."
  value       = aws_ebs_volume.log.id
}
