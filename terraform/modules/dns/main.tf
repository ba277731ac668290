# Where clients find the region: its own name, and a share in the name of all regions. Each region has its own records, so
# that removing one touches no other one's.
data "aws_route53_zone" "public" {
  name         = var.zone
  private_zone = false
}

resource "aws_route53_record" "region" {
  zone_id = data.aws_route53_zone.public.zone_id
  name    = var.hosts.region
  type    = "A"

  alias {
    name                   = var.balancer.dns_name
    zone_id                = var.balancer.zone_id
    evaluate_target_health = false
  }
}

resource "aws_route53_record" "nearest" {
  zone_id        = data.aws_route53_zone.public.zone_id
  name           = var.hosts.global
  type           = "A"
  set_identifier = var.region
  # A region that is drained, or away, is asked no more within a minute; its clients get the next nearest.
  health_check_id = aws_route53_health_check.ready.id

  latency_routing_policy {
    region = var.aws_region
  }

  alias {
    name                   = var.balancer.dns_name
    zone_id                = var.balancer.zone_id
    evaluate_target_health = true
  }
}

# Asks from outside, from several places of the world, as clients do.
resource "aws_route53_health_check" "ready" {
  fqdn              = var.hosts.region
  type              = "HTTPS"
  port              = 443
  resource_path     = "/readyz"
  request_interval  = 10
  failure_threshold = 3
  enable_sni        = true

  tags = { Name = var.hosts.region }
}
