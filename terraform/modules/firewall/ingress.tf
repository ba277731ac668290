# What each may be reached by. Traffic within a group is not let in either.
# The one rule of all regions that lets the internet in. A test holds it to that.
resource "aws_vpc_security_group_ingress_rule" "balancer_from_internet" {
  security_group_id = aws_security_group.balancer.id
  description       = "Clients, over TLS."
  ip_protocol       = "tcp"
  from_port         = var.ports.public
  to_port           = var.ports.public
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "process_from_balancer" {
  security_group_id            = aws_security_group.process.id
  description                  = "Requests."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.http
  to_port                      = var.ports.http
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_ingress_rule" "process_from_collector" {
  security_group_id            = aws_security_group.process.id
  description                  = "Scrapes of /metrics."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.http
  to_port                      = var.ports.http
  referenced_security_group_id = aws_security_group.collector.id
}

resource "aws_vpc_security_group_ingress_rule" "postgres_from_process" {
  security_group_id            = aws_security_group.postgres.id
  description                  = "The region's own processes."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.postgres
  to_port                      = var.ports.postgres
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_ingress_rule" "nats_client_from_process" {
  security_group_id            = aws_security_group.nats.id
  description                  = "The region's own processes."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.nats_client
  to_port                      = var.ports.nats_client
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_ingress_rule" "nats_monitor_from_process" {
  security_group_id            = aws_security_group.nats.id
  description                  = "Facts on routes and replicas."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.nats_monitor
  to_port                      = var.ports.nats_monitor
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_ingress_rule" "nats_cluster_from_peer" {
  for_each = var.peer_nats_ranges

  security_group_id = aws_security_group.nats.id
  description       = "Routes of another region's server."
  ip_protocol       = "tcp"
  from_port         = var.ports.nats_cluster
  to_port           = var.ports.nats_cluster
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_ingress_rule" "endpoint_from_process" {
  security_group_id            = aws_security_group.endpoint.id
  description                  = "Secrets, images, logs."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.public
  to_port                      = var.ports.public
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoint_from_collector" {
  security_group_id            = aws_security_group.endpoint.id
  description                  = "Secrets, images, logs."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.public
  to_port                      = var.ports.public
  referenced_security_group_id = aws_security_group.collector.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoint_from_nats" {
  security_group_id            = aws_security_group.endpoint.id
  description                  = "Secrets, logs, sessions of operators."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.public
  to_port                      = var.ports.public
  referenced_security_group_id = aws_security_group.nats.id
}
