# A host that fails is restarted elsewhere by EC2 itself; these tell that it did not help.
locals {
  alarms = {
    status = {
      namespace  = "AWS/EC2"
      metric     = "StatusCheckFailed"
      dimensions = { InstanceId = aws_instance.this.id }
      threshold  = 0
      why        = "The NATS server's machine fails its checks. Local writes go on; see infra/runbooks/QuorumAtRisk.md."
    }
    disk = {
      namespace  = "AWS/EBS"
      metric     = "VolumeQueueLength"
      dimensions = { VolumeId = aws_ebs_volume.log.id }
      threshold  = 16
      why        = "The log's volume is behind: every append waits for it. Raise its operations per second."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.prefix}-nats-${each.key}"
  alarm_description   = each.value.why
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]
}
