output "identifier" {
  description = "Of the instance."
  value       = aws_db_instance.this.identifier
}

output "url_secret_arn" {
  description = "The secret that holds FOREBAY_POSTGRES_URL."
  # Not before there is a value in it.
  value = aws_secretsmanager_secret_version.url.arn
}
