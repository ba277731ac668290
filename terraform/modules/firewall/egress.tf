# What each may reach. The database reaches nothing.
resource "aws_vpc_security_group_egress_rule" "balancer_to_process" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "Requests, and looks at /readyz."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.http
  to_port                      = var.ports.http
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_egress_rule" "process_to_postgres" {
  security_group_id            = aws_security_group.process.id
  description                  = "The region's own database."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.postgres
  to_port                      = var.ports.postgres
  referenced_security_group_id = aws_security_group.postgres.id
}

resource "aws_vpc_security_group_egress_rule" "process_to_nats_client" {
  security_group_id            = aws_security_group.process.id
  description                  = "The region's own NATS server."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.nats_client
  to_port                      = var.ports.nats_client
  referenced_security_group_id = aws_security_group.nats.id
}

resource "aws_vpc_security_group_egress_rule" "process_to_nats_monitor" {
  security_group_id            = aws_security_group.process.id
  description                  = "The region's own NATS server."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.nats_monitor
  to_port                      = var.ports.nats_monitor
  referenced_security_group_id = aws_security_group.nats.id
}

resource "aws_vpc_security_group_egress_rule" "process_to_internet" {
  security_group_id = aws_security_group.process.id
  description       = "AWS, and the address that keys of tokens are read from."
  ip_protocol       = "tcp"
  from_port         = var.ports.public
  to_port           = var.ports.public
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "collector_to_process" {
  security_group_id            = aws_security_group.collector.id
  description                  = "Scrapes of /metrics."
  ip_protocol                  = "tcp"
  from_port                    = var.ports.http
  to_port                      = var.ports.http
  referenced_security_group_id = aws_security_group.process.id
}

resource "aws_vpc_security_group_egress_rule" "collector_to_internet" {
  security_group_id = aws_security_group.collector.id
  description       = "AWS: metrics go to workspaces of other regions too."
  ip_protocol       = "tcp"
  from_port         = var.ports.public
  to_port           = var.ports.public
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "nats_to_peer" {
  for_each = var.peer_nats_ranges

  security_group_id = aws_security_group.nats.id
  description       = "Routes to another region's server."
  ip_protocol       = "tcp"
  from_port         = var.ports.nats_cluster
  to_port           = var.ports.nats_cluster
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "nats_to_internet" {
  security_group_id = aws_security_group.nats.id
  description       = "AWS, and the release archive."
  ip_protocol       = "tcp"
  from_port         = var.ports.public
  to_port           = var.ports.public
  cidr_ipv4         = "0.0.0.0/0"
}
