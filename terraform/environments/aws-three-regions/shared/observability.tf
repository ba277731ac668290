# Who watches. Every region sends its metrics to every watcher, and reads in its own region where they are.
module "observability" {
  source   = "../../../modules/observability"
  for_each = module.deployment.watchers

  cluster     = module.deployment.cluster
  aws_region  = local.regions[each.key].aws_region
  account_id  = module.deployment.account_id
  kms_key_arn = module.key[each.key].arn
  rule_files = {
    for name in fileset("${path.module}/../../../../infra/observability/rules", "*.yaml") :
    trimsuffix(name, ".yaml") => file("${path.module}/../../../../infra/observability/rules/${name}")
  }
}

resource "aws_ssm_parameter" "remote_write" {
  for_each = local.regions

  region = each.value.aws_region
  name   = each.value.names.remote_write_parameter
  type   = "String"
  insecure_value = jsonencode({
    for watcher, workspace in module.observability : local.regions[watcher].aws_region => workspace.remote_write_url
  })
}

resource "aws_grafana_workspace" "this" {
  count = var.has_grafana ? 1 : 0

  name                     = module.deployment.cluster
  account_access_type      = "CURRENT_ACCOUNT"
  authentication_providers = ["AWS_SSO"]
  permission_type          = "SERVICE_MANAGED"
  role_arn                 = aws_iam_role.grafana.arn
  data_sources             = ["PROMETHEUS"]
  # Dashboards are put in over its API.
  configuration = jsonencode({ unifiedAlerting = { enabled = false }, plugins = { pluginAdminEnabled = false } })
}

resource "aws_iam_role" "grafana" {
  name               = "${module.deployment.cluster}-grafana"
  assume_role_policy = data.aws_iam_policy_document.grafana_assume.json
}

data "aws_iam_policy_document" "grafana_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["grafana.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [module.deployment.account_id]
    }
  }
}

resource "aws_iam_role_policy" "grafana" {
  name   = "read-metrics"
  role   = aws_iam_role.grafana.id
  policy = data.aws_iam_policy_document.grafana.json
}

data "aws_iam_policy_document" "grafana" {
  statement {
    actions = [
      "aps:DescribeWorkspace",
      "aps:GetLabels",
      "aps:GetMetricMetadata",
      "aps:GetSeries",
      "aps:QueryMetrics",
    ]
    resources = [for watcher in module.observability : watcher.workspace_arn]
  }
}
