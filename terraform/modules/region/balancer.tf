# The region's way in: TLS ends here, and requests go to processes that say that they are ready.
resource "aws_lb" "this" {
  name               = var.prefix
  load_balancer_type = "application"
  internal           = false
  subnets            = var.network.public_subnet_ids
  security_groups    = [var.security_group_ids.balancer]

  # Live feeds say something every 15 s, and processes keep idle connections for 72 s: the balancer closes them first.
  idle_timeout               = 60
  drop_invalid_header_fields = true
  enable_deletion_protection = var.is_protected

  access_logs {
    bucket  = aws_s3_bucket.logs.id
    prefix  = "balancer"
    enabled = true
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = var.ports.public
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_target_group" "this" {
  name                 = var.prefix
  vpc_id               = var.network.vpc_id
  target_type          = "ip"
  port                 = var.ports.http
  protocol             = "HTTP"
  deregistration_delay = 30

  load_balancing_algorithm_type = "least_outstanding_requests"

  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
