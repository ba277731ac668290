# Proves to AWS whose name that of all regions is. The record is the same whichever region asks for a certificate, so it is
# made here, once: every region's certificate is renewed by it.
data "aws_route53_zone" "public" {
  name         = module.deployment.zone
  private_zone = false
}

resource "aws_acm_certificate" "global" {
  domain_name       = local.home.names.global_host
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  proof = one(aws_acm_certificate.global.domain_validation_options)
}

resource "aws_route53_record" "proof" {
  zone_id = data.aws_route53_zone.public.zone_id
  name    = local.proof.resource_record_name
  type    = local.proof.resource_record_type
  records = [local.proof.resource_record_value]
  ttl     = 300
}
