# What the instance may do: read its own secrets, and be reached by operators through Session Manager instead of a port.
resource "aws_iam_role" "this" {
  name               = "${var.prefix}-nats"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.prefix}-nats"
  role = aws_iam_role.this.name
}

resource "aws_iam_role_policy" "secrets" {
  name   = "read-secrets"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.secrets.json
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = concat(values(var.secret_arns.passwords), [var.secret_arns.ca, var.secret_arns.certificate])
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [var.shared_kms_key_arn]
  }
}

resource "aws_iam_role_policy_attachment" "sessions" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
