terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # In a bucket of this region.
  backend "s3" {
    key          = "us.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = local.deployment.placements[local.region].aws_region
  allowed_account_ids = [local.deployment.account_id]

  default_tags {
    tags = { Cluster = local.topology.name, Region = local.region, ManagedBy = "terraform/aws-three-regions/us" }
  }
}
