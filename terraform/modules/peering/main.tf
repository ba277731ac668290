# The link between two regions: a peering of their networks, with routes between their NATS subnets alone.
# Peering and not a transit gateway: each pair fails alone, nothing is paid by the hour, and traffic is encrypted by AWS.
locals {
  ends = {
    requester = { from = var.requester, to = var.accepter }
    accepter  = { from = var.accepter, to = var.requester }
  }
}

data "aws_vpc" "this" {
  for_each = local.ends

  region = each.value.from.aws_region
  tags   = { Name = "${var.cluster}-${each.value.from.region}" }
}

data "aws_route_tables" "nats" {
  for_each = local.ends

  region = each.value.from.aws_region
  vpc_id = data.aws_vpc.this[each.key].id
  tags   = { Role = "nats" }
}

# What was found by name is what the address plan means.
check "networks_are_as_planned" {
  assert {
    condition = alltrue([
      for end, network in data.aws_vpc.this :
      cidrsubnet(network.cidr_block, 6, 2) == local.ends[end].from.nats_range
    ])
    error_message = "A network of ${var.name} has another range than its region has in the address plan: was an address_slot changed?"
  }
}

resource "aws_vpc_peering_connection" "this" {
  region      = var.requester.aws_region
  vpc_id      = data.aws_vpc.this["requester"].id
  peer_vpc_id = data.aws_vpc.this["accepter"].id
  peer_region = var.accepter.aws_region

  tags = { Name = var.name }
}

resource "aws_vpc_peering_connection_accepter" "this" {
  region                    = var.accepter.aws_region
  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true

  tags = { Name = var.name }
}

resource "aws_route" "requester" {
  for_each = toset(data.aws_route_tables.nats["requester"].ids)

  region                    = var.requester.aws_region
  route_table_id            = each.key
  destination_cidr_block    = var.accepter.nats_range
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "accepter" {
  for_each = toset(data.aws_route_tables.nats["accepter"].ids)

  region                    = var.accepter.aws_region
  route_table_id            = each.key
  destination_cidr_block    = var.requester.nats_range
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}
