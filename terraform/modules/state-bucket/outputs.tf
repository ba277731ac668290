output "name" {
  description = "Of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "aws_region" {
  description = "Where it is."
  value       = var.aws_region
}
