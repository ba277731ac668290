# The region's VPC: public subnets for balancer and NAT gateways alone, processes and NATS behind NAT, the database without
# any way out.
locals {
  # By zone: its number in the address plan.
  zones = { for number, zone in var.zones : zone => number }
}

resource "aws_vpc" "this" {
  cidr_block           = var.addresses.vpc_range
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.prefix }
}

# Nothing uses it; without rules nothing can be let in by forgetting to name a group.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = var.addresses.public_ranges[each.value]
  map_public_ip_on_launch = false

  tags = { Name = "${var.prefix}-public-${each.key}" }
}

resource "aws_subnet" "process" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = var.addresses.process_ranges[each.value]
  map_public_ip_on_launch = false

  tags = { Name = "${var.prefix}-process-${each.key}" }
}

resource "aws_subnet" "database" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = var.addresses.database_ranges[each.value]
  map_public_ip_on_launch = false

  tags = { Name = "${var.prefix}-database-${each.key}" }
}

resource "aws_subnet" "nats" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = var.addresses.nats_ranges[each.value]
  map_public_ip_on_launch = false

  tags = { Name = "${var.prefix}-nats-${each.key}" }
}
