output "certificate_arn" {
  description = "Of the balancer's certificate, once it is valid."
  value       = aws_acm_certificate_validation.this.certificate_arn
}

output "health_check_id" {
  description = "Whether the region is asked: aws route53 get-health-check-status --health-check-id ID."
  value       = aws_route53_health_check.ready.id
}
