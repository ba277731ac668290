# The address plan: a pure function of slots. What a region gets depends on no other region.
#
#   /16  of a region: 10.64.0.0/10 has 64 of them
#   /20  number 0: small subnets
#        /24 numbers 0–3    public, one a zone: balancer and NAT gateways
#        /24 numbers 4–7    database, one a zone: no way to the internet
#        /24 numbers 8–11   NATS, one a zone: the one part that other regions have routes to
#   /20  numbers 1–4: processes, one a zone
#        the rest is free
locals {
  zones_max    = 4
  nats_address = 10

  regions = {
    for name, slot in var.slots : name => {
      vpc_range = cidrsubnet(var.base_range, 6, slot)
    }
  }
}
