terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # The one root whose state is a file: it makes the buckets of all others. Keep the file in a safe place; it holds no secret.
  backend "local" {
    path = "state.tfstate"
  }
}

provider "aws" {
  region              = module.deployment.regions[module.deployment.home].aws_region
  allowed_account_ids = [module.deployment.account_id]

  default_tags {
    tags = { Cluster = module.deployment.cluster, ManagedBy = "terraform/aws-three-regions/state" }
  }
}
