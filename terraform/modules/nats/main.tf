# The region's member of the stretched NATS cluster: one server with a name, an address and a volume that outlive any
# instance. Another instance takes them over, and the log goes on where it was.
resource "aws_network_interface" "this" {
  subnet_id       = var.placement.subnet_id
  private_ips     = [var.placement.address]
  security_groups = [var.security_group_id]
  description     = "NATS server of region ${var.region}: other regions know its address."

  tags = { Name = "${var.prefix}-nats" }
}

resource "aws_ebs_volume" "log" {
  availability_zone = var.placement.zone
  type              = "gp3"
  size              = var.volume.gib
  iops              = var.volume.iops
  throughput        = var.volume.mib_per_second
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = true

  tags = { Name = "${var.prefix}-nats-log" }

  lifecycle {
    # One of the log's copies. With two of three lost, nobody can be elected.
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "log" {
  device_name = local.log_device
  volume_id   = aws_ebs_volume.log.id
  instance_id = aws_instance.this.id
  # The server hands leadership over and closes the log before the volume goes.
  stop_instance_before_detaching = true
}

resource "aws_instance" "this" {
  ami                  = data.aws_ssm_parameter.image.insecure_value
  instance_type        = var.instance_type
  iam_instance_profile = aws_iam_instance_profile.this.name

  primary_network_interface {
    network_interface_id = aws_network_interface.this.id
  }

  # Another configuration is another instance: what runs is what stands here.
  user_data_base64            = base64gzip(local.cloud_init)
  user_data_replace_on_change = true

  monitoring    = true
  ebs_optimized = true
  # Nobody ends it by hand; Terraform may, to put another in its place. What must stay is the volume.
  disable_api_termination = true
  force_destroy           = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 16
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  maintenance_options {
    auto_recovery = "default"
  }

  tags = { Name = "${var.prefix}-nats" }

  lifecycle {
    # A newer image comes when somebody asks for it, region by region: terraform apply -replace=…
    ignore_changes = [ami]
  }
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}
