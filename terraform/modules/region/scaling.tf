# More processes when those that run are busy: by CPU, and by what they work on at once. Whichever asks for more wins.
resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.tasks.minimum
  max_capacity       = var.tasks.maximum
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling_targets.cpu_percent
    scale_out_cooldown = 30
    # Each process that goes hands its roles over: not for a lull of minutes.
    scale_in_cooldown = 600

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# The processes' own word, which module collector brings to CloudWatch: also where they wait for the database, not for CPU.
resource "aws_appautoscaling_policy" "requests" {
  name               = "requests-in-flight"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  resource_id        = aws_appautoscaling_target.this.resource_id
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.scaling_targets.requests_in_flight
    scale_out_cooldown = 30
    scale_in_cooldown  = 600

    customized_metric_specification {
      namespace   = "Forebay"
      metric_name = "forebay_requests_in_flight"
      statistic   = "Average"

      dimensions {
        name  = "region"
        value = var.region
      }

      dimensions {
        name  = "place"
        value = "working"
      }
    }
  }
}
