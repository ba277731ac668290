# What an instance does at its first start. It holds no secret: those are read from Secrets Manager at each start.
locals {
  log_device = "/dev/sdf"

  cloud_init = templatefile("${path.module}/cloud-init.yaml.tftpl", {
    region        = var.region
    server_config = base64encode(var.server_config)
    hosts         = join("\n", [for name, member in var.members : "${member.address} ${member.host}"])
    start_script = base64encode(templatefile("${path.module}/prepare.sh.tftpl", {
      aws_region   = data.aws_region.this.region
      volume_id    = aws_ebs_volume.log.id
      archive      = var.archive
      secret_arns  = var.secret_arns
      cluster_port = var.ports.nats_cluster
      members      = var.members
    }))
  })
}

data "aws_region" "this" {}
