# Who may talk to whom, on one page. Each rule is a resource of its own, so that a change shows what it opens.
#
#   internet ─443─▶ balancer ─http─▶ processes ─▶ database
#                                       │  ▲
#                                       ▼  └─ collector (metrics)
#                       nats (clients, monitor) ◀─routes─▶ nats of other regions
resource "aws_security_group" "balancer" {
  name        = "${var.prefix}-balancer"
  description = "The load balancer: the one thing that the internet reaches."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-balancer" }
}

resource "aws_security_group" "process" {
  name        = "${var.prefix}-process"
  description = "Region processes."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-process" }
}

resource "aws_security_group" "collector" {
  name        = "${var.prefix}-collector"
  description = "The collector of metrics."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-collector" }
}

resource "aws_security_group" "nats" {
  name        = "${var.prefix}-nats"
  description = "The NATS server."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-nats" }
}

resource "aws_security_group" "postgres" {
  name        = "${var.prefix}-postgres"
  description = "The database. It begins no connections."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-postgres" }
}

resource "aws_security_group" "endpoint" {
  name        = "${var.prefix}-endpoint"
  description = "Endpoints of AWS services."
  vpc_id      = var.vpc_id

  tags = { Name = "${var.prefix}-endpoint" }
}
