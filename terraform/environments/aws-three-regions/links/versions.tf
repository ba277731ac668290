terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  backend "s3" {
    key          = "links.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region              = module.deployment.regions[module.deployment.home].aws_region
  allowed_account_ids = [module.deployment.account_id]

  default_tags {
    tags = { Cluster = module.deployment.cluster, ManagedBy = "terraform/aws-three-regions/links" }
  }
}
