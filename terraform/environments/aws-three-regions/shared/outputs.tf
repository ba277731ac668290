output "image_url" {
  description = "Where to push images."
  value       = aws_ecr_repository.this.repository_url
}

output "watchers" {
  description = "By region: the data source for Grafana, and the topics to subscribe to, by severity."
  value = {
    for name, watcher in module.observability : name => { query_url = watcher.query_url, topics = watcher.topic_arns }
  }
}

output "grafana_url" {
  description = "Of the Grafana workspace, if there is one."
  value       = one([for workspace in aws_grafana_workspace.this : "https://${workspace.endpoint}"])
}

output "next_steps" {
  description = "What to do after an apply."
  value       = <<-TEXT
    1. Push the image: docker push ${aws_ecr_repository.this.repository_url}:VERSION, and write its digest into deployment.yaml.
    2. Give what can't be made: ../../scripts/put-secrets.sh ${module.deployment.cluster} ${join(" ", concat(["${module.deployment.home}=${local.home.aws_region}"], [for name, region in local.others : "${name}=${region.aws_region}"]))}
    3. Subscribe to the topics of the watchers, at least to those of severity hurt.
    4. Apply the regions, one after the other: ${join(", ", keys(local.regions))}.
  TEXT
}
