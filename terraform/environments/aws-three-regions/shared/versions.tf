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

  backend "s3" {
    key          = "shared.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = local.home.aws_region
  allowed_account_ids = [module.deployment.account_id]

  default_tags {
    tags = { Cluster = module.deployment.cluster, ManagedBy = "terraform/aws-three-regions/shared" }
  }
}
