# The balancer's certificate, for both names, renewed by AWS as long as the records stand that prove whose names these are.
# That of the name of all regions belongs to root `shared`: a region that goes must not take it from the others.
resource "aws_acm_certificate" "this" {
  domain_name               = var.hosts.region
  subject_alternative_names = [var.hosts.global]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  proof = one([for option in aws_acm_certificate.this.domain_validation_options : option if option.domain_name == var.hosts.region])
}

resource "aws_route53_record" "proof" {
  zone_id = data.aws_route53_zone.public.zone_id
  name    = local.proof.resource_record_name
  type    = local.proof.resource_record_type
  records = [local.proof.resource_record_value]
  ttl     = 300
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn = aws_acm_certificate.this.arn

  depends_on = [aws_route53_record.proof]
}
