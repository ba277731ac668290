output "init_commands" {
  description = "How each root finds its state, once."
  value = merge(
    { for name, bucket in module.bucket : name => "terraform -chdir=${name} init -backend-config=bucket=${bucket.name} -backend-config=region=${bucket.aws_region}" },
    {
      for root in ["shared", "links"] : root => join(" ", [
        "terraform -chdir=${root} init",
        "-backend-config=bucket=${module.bucket[module.deployment.home].name}",
        "-backend-config=region=${module.bucket[module.deployment.home].aws_region}",
      ])
    },
  )
}
