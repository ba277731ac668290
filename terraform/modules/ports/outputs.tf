output "ports" {
  description = "TCP ports by what listens there."
  value = {
    public       = 443
    http         = 7100
    postgres     = 5432
    nats_client  = 4222
    nats_cluster = 6222
    nats_monitor = 8222
    otel_health  = 13133
  }
}
