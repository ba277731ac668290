# What the database says of itself, and what somebody is woken for before processes suffer.
locals {
  log_kinds = toset(["postgresql", "upgrade"])
  gibibyte  = pow(1024, 3)

  alarms = {
    storage = {
      metric     = "FreeStorageSpace"
      comparison = "LessThanThreshold"
      threshold  = 20 * local.gibibyte
      why        = "Less than 20 GiB of storage are free: the region stops taking writes when none is left."
    }
    connections = {
      metric     = "DatabaseConnections"
      comparison = "GreaterThanThreshold"
      threshold  = floor(var.connections_max * 0.85)
      why        = "Most connections are taken: the next process may not get one."
    }
    processor = {
      metric     = "CPUUtilization"
      comparison = "GreaterThanThreshold"
      threshold  = 85
      why        = "The database is busy: writes wait for it. Take a larger class."
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_kinds

  name              = "/aws/rds/instance/${var.prefix}/${each.key}"
  retention_in_days = 30
  kms_key_id        = var.kms_key_arn
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.prefix}-postgres-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring.json
}

data "aws_iam_policy_document" "monitoring" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.prefix}-postgres-${each.key}"
  alarm_description   = each.value.why
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
