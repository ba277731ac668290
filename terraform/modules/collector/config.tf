# The collector's configuration. honor_labels as in infra/observability/prometheus.yaml: a process tells its region itself.
locals {
  collector_config = yamlencode({
    extensions = merge(
      { health_check = {} },
      { for aws_region in keys(var.remote_write_urls) : "sigv4auth/${aws_region}" => { region = aws_region, service = "aps" } },
    )
    receivers = {
      prometheus = {
        config = {
          scrape_configs = [{
            job_name        = "forebay"
            scrape_interval = "30s"
            honor_labels    = true
            authorization   = { type = "Bearer", credentials = "$${env:SCRAPE_KEY}" }
            dns_sd_configs  = [{ names = [var.scrape.host], type = "A", port = var.scrape.port, refresh_interval = "10s" }]
            relabel_configs = [{ target_label = "region", replacement = var.region }]
          }]
        }
      }
    }
    processors = {
      batch = { timeout = "5s" }
      "filter/scaling" = {
        metrics = { include = { match_type = "strict", metric_names = ["forebay_requests_in_flight"] } }
      }
    }
    exporters = merge(
      {
        awsemf = {
          region                  = var.aws_region
          namespace               = "Forebay"
          log_group_name          = aws_cloudwatch_log_group.this.name
          log_stream_name         = "metrics"
          dimension_rollup_option = "NoDimensionRollup"
          metric_declarations = [{
            dimensions            = [["region", "place"]]
            metric_name_selectors = ["^forebay_requests_in_flight$"]
          }]
        }
      },
      {
        for aws_region, url in var.remote_write_urls : "prometheusremotewrite/${aws_region}" => {
          endpoint = url
          auth     = { authenticator = "sigv4auth/${aws_region}" }
          # A watcher that is away holds up nobody.
          retry_on_failure   = { max_elapsed_time = "5m" }
          remote_write_queue = { enabled = true, queue_size = 2000 }
        }
      },
    )
    service = {
      extensions = concat(["health_check"], [for aws_region in keys(var.remote_write_urls) : "sigv4auth/${aws_region}"])
      pipelines = merge(
        { "metrics/scaling" = { receivers = ["prometheus"], processors = ["filter/scaling", "batch"], exporters = ["awsemf"] } },
        {
          for aws_region in keys(var.remote_write_urls) : "metrics/${aws_region}" => {
            receivers  = ["prometheus"]
            processors = ["batch"]
            exporters  = ["prometheusremotewrite/${aws_region}"]
          }
        },
      )
    }
  })
}
