# What everything is called: one place, so that roots with separate states find each other's things by name.
locals {
  prefix        = "${var.cluster}-${var.region}"
  internal_zone = "${var.region}.${var.cluster}.internal"
}
