# The region's own private zone. No other region reads it, so none depends on it.
resource "aws_route53_zone" "internal" {
  name = var.internal.zone

  vpc {
    vpc_id = var.internal.vpc_id
  }
}

resource "aws_route53_record" "nats" {
  zone_id = aws_route53_zone.internal.zone_id
  name    = var.internal.nats_host
  type    = "A"
  ttl     = 60
  records = [var.internal.nats_address]
}
