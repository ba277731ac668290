# The region's processes: one service of at least two tasks, spread over the zones.
resource "aws_ecs_cluster" "this" {
  name = var.prefix

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_service" "this" {
  name                   = "forebay"
  cluster                = aws_ecs_cluster.this.id
  task_definition        = aws_ecs_task_definition.this.arn
  desired_count          = var.tasks.minimum
  launch_type            = "FARGATE"
  platform_version       = "LATEST"
  propagate_tags         = "SERVICE"
  enable_execute_command = false

  # The new ones are ready before an old one goes.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # Readiness says where requests go, and never who is killed: a region that is drained, or whose database is away, has no
  # ready process, and restarts heal neither. A process that hangs is ended by its watchdog (task.tf). So, as good as for ever.
  health_check_grace_period_seconds = 2147483647

  network_configuration {
    subnets          = var.network.process_subnet_ids
    security_groups  = [var.security_group_ids.process]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.main_container
    container_port   = var.ports.http
  }

  service_registries {
    registry_arn = aws_service_discovery_service.processes.arn
  }

  lifecycle {
    # Autoscaling's.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.secrets]
}

# Where the collector finds every process.
resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "processes.${var.prefix}.internal"
  description = "Region processes, for the collector of metrics."
  vpc         = var.network.vpc_id
}

resource "aws_service_discovery_service" "processes" {
  name = "forebay"

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}
