output "security_group_ids" {
  description = "By what they are for: balancer, process, collector, nats, postgres, endpoint."
  value = {
    balancer  = aws_security_group.balancer.id
    process   = aws_security_group.process.id
    collector = aws_security_group.collector.id
    nats      = aws_security_group.nats.id
    postgres  = aws_security_group.postgres.id
    endpoint  = aws_security_group.endpoint.id
  }
}
