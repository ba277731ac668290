# Alerts go to a topic by severity: people are woken by those that hurt, and read the others in the morning.
locals {
  severities = toset(["hurt", "risk", "note"])
}

resource "aws_sns_topic" "alert" {
  for_each = local.severities

  region            = var.aws_region
  name              = "${var.cluster}-${each.key}"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alert" {
  for_each = local.severities

  region = var.aws_region
  arn    = aws_sns_topic.alert[each.key].arn
  policy = data.aws_iam_policy_document.alert[each.key].json
}

data "aws_iam_policy_document" "alert" {
  for_each = local.severities

  statement {
    actions   = ["sns:Publish", "sns:GetTopicAttributes"]
    resources = [aws_sns_topic.alert[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["aps.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_prometheus_alert_manager_definition" "this" {
  region       = var.aws_region
  workspace_id = aws_prometheus_workspace.this.id
  definition = yamlencode({
    alertmanager_config = yamlencode({
      route = {
        receiver        = "note"
        group_by        = ["alertname", "region"]
        group_wait      = "15s"
        group_interval  = "1m"
        repeat_interval = "4h"
        routes = [
          for severity in local.severities : { receiver = severity, matchers = ["severity=\"${severity}\""] }
        ]
      }
      receivers = [
        for severity in local.severities : {
          name = severity
          sns_configs = [{
            topic_arn     = aws_sns_topic.alert[severity].arn
            sigv4         = { region = var.aws_region }
            send_resolved = true
            subject       = "[${var.cluster} ${severity}] {{ .CommonLabels.alertname }} {{ .CommonLabels.region }}"
            message       = "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }} ({{ .Annotations.runbook }})\n{{ end }}"
          }]
        }
      ]
    })
  })

  depends_on = [aws_sns_topic_policy.alert]
}
