# One watcher: a Prometheus workspace that gets every region's metrics, with the rules that clusters on one machine have too.
# There are two or more, each on its own, so that the loss of a watcher's region leaves another one watching.
resource "aws_prometheus_workspace" "this" {
  region      = var.aws_region
  alias       = var.cluster
  kms_key_arn = var.kms_key_arn

  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.this.arn}:*"
  }

  lifecycle {
    # What happened before an incident is known here alone.
    prevent_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  region            = var.aws_region
  name              = "/aws/vendedlogs/prometheus/${var.cluster}"
  retention_in_days = 30
  kms_key_id        = var.kms_key_arn
}

resource "aws_prometheus_rule_group_namespace" "this" {
  for_each = var.rule_files

  region       = var.aws_region
  workspace_id = aws_prometheus_workspace.this.id
  name         = each.key
  data         = each.value
}
