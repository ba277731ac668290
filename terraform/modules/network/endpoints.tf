# Tasks start and log although a NAT gateway is away, and images don't pay for passing one.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.aws_region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids = concat(
    [for table in aws_route_table.process : table.id],
    [for table in aws_route_table.nats : table.id],
  )

  tags = { Name = "${var.prefix}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.aws_region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.process : subnet.id]
  security_group_ids  = [var.endpoint_security_group_id]

  tags = { Name = "${var.prefix}-${each.key}" }
}
