# One task: a first container that writes files and ends, the process itself, and a watchdog. All of one image, all with a
# root that can't be written.
locals {
  main_container = "forebay"
  files_volume   = "files"
  # That of the image: nobody special.
  user = "1000:1000"

  log = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.this.name
      awslogs-region        = var.aws_region
      awslogs-stream-prefix = "forebay"
      # Logs may be lost; requests must not wait for them.
      mode            = "non-blocking"
      max-buffer-size = "8m"
    }
  }

  container = {
    image                  = var.image
    essential              = true
    user                   = local.user
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    logConfiguration       = local.log
  }

  write_files = merge(local.container, {
    name      = "write-files"
    essential = false
    # A task's volume belongs to root. Without capabilities this user can do no more than write there.
    user        = "0"
    entryPoint  = ["node", "--input-type=module", "--eval", file("${path.module}/scripts/write-files.js")]
    command     = []
    mountPoints = [{ sourceVolume = local.files_volume, containerPath = var.process.files_folder, readOnly = false }]
    environment = concat(
      [
        for file, content in var.process.files :
        { name = "TEXT_${content.name}", value = var.process.plain_texts[content.name] } if content.source == "plain"
      ],
      [
        { name = "FILES", value = jsonencode(var.process.files) },
        { name = "FOLDER", value = var.process.files_folder },
      ],
    )
    secrets = [
      for file, content in var.process.files :
      { name = "TEXT_${content.name}", valueFrom = var.secret_references[content.name] } if content.source == "secret"
    ]
  })

  process = merge(local.container, {
    name         = local.main_container
    portMappings = [{ containerPort = var.ports.http, hostPort = var.ports.http, protocol = "tcp", name = "http", appProtocol = "http" }]
    mountPoints  = [{ sourceVolume = local.files_volume, containerPath = var.process.files_folder, readOnly = true }]
    environment  = [for name, value in var.process.environment : { name = name, value = value }]
    secrets = [
      for name, reference in var.process.secret_variables :
      { name = name, valueFrom = var.secret_references[reference] }
    ]
    dependsOn = [{ containerName = "write-files", condition = "SUCCESS" }]
    # A stop takes FOREBAY_STOP_NOTICE_MS (5 s) and 12 s at most (services/region/departure.ts).
    stopTimeout = 30
    ulimits     = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]
    healthCheck = {
      command     = ["CMD", "node", "--eval", "fetch('http://127.0.0.1:${var.ports.http}/livez', { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
  })

  watchdog = merge(local.container, {
    name       = "watchdog"
    entryPoint = ["node", "--input-type=module", "--eval", file("${path.module}/scripts/watchdog.js")]
    command    = []
    environment = [
      { name = "URL", value = "http://127.0.0.1:${var.ports.http}/livez" },
    ]
    dependsOn   = [{ containerName = local.main_container, condition = "START" }]
    stopTimeout = 5
  })
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.prefix
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task_size.cpu
  memory                   = var.task_size.memory_mib
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.write_files, local.process, local.watchdog])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  # Lives as long as the task, and is encrypted by Fargate.
  volume {
    name = local.files_volume
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.prefix}/processes"
  retention_in_days = var.log_days
  kms_key_id        = var.kms_key_arns.region
}
