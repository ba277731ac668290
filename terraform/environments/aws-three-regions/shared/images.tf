# Images are pushed to the home region's registry, and copied from there to the other regions'.
resource "aws_ecr_repository" "this" {
  name                 = module.deployment.image_repository
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key[module.deployment.home].arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_ecr_replication_configuration" "this" {
  replication_configuration {
    rule {
      dynamic "destination" {
        for_each = local.others

        content {
          region      = destination.value.aws_region
          registry_id = module.deployment.account_id
        }
      }

      repository_filter {
        filter      = module.deployment.image_repository
        filter_type = "PREFIX_MATCH"
      }
    }
  }
}
