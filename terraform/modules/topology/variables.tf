variable "topology" {
  description = "A topology as decoded from regions/*.yaml: the file that region processes read as well."
  type = object({
    name       = string
    partitions = number
    regions = list(object({
      name     = string
      location = optional(string, "")
    }))
    links = optional(list(object({
      between       = list(string)
      round_trip_ms = number
      jitter_ms     = optional(number, 0)
    })), [])
  })

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.topology.name))
    error_message = "The topology's name is \"${var.topology.name}\"; it must be 1 to 16 lower-case letters, digits or dashes and begin with a letter."
  }

  validation {
    condition     = var.topology.partitions >= 1 && var.topology.partitions <= 64 && floor(var.topology.partitions) == var.topology.partitions
    error_message = "The topology has ${var.topology.partitions} partitions; it must have a whole number from 1 to 64."
  }

  validation {
    condition     = length(var.topology.regions) >= 1 && length(var.topology.regions) <= 16
    error_message = "The topology has ${length(var.topology.regions)} regions; it must have 1 to 16."
  }

  validation {
    condition     = alltrue([for region in var.topology.regions : can(regex("^[a-z][a-z0-9-]{0,15}$", region.name))])
    error_message = "Each region's name must be 1 to 16 lower-case letters, digits or dashes and begin with a letter; there are ${join(", ", var.topology.regions[*].name)}."
  }

  validation {
    condition     = length(distinct(var.topology.regions[*].name)) == length(var.topology.regions)
    error_message = "Two regions of the topology have the same name; there are ${join(", ", var.topology.regions[*].name)}."
  }

  validation {
    condition = alltrue([
      for link in var.topology.links :
      length(distinct(link.between)) == 2 && length(setsubtract(link.between, var.topology.regions[*].name)) == 0
    ])
    error_message = "Each link must be between two different regions of the topology; known are ${join(", ", var.topology.regions[*].name)}."
  }
}

variable "placements" {
  description = "Where each region of the topology is, by its name."
  type = map(object({
    aws_region = string
    # Which part of the address plan is the region's, for ever. It is never given to another region.
    address_slot = number
    # The first zone is that of the NATS server.
    zones = list(string)
  }))

  validation {
    condition     = length(setsubtract(var.topology.regions[*].name, keys(var.placements))) == 0
    error_message = "These regions of the topology have no placement: ${join(", ", setsubtract(var.topology.regions[*].name, keys(var.placements)))}."
  }

  validation {
    condition     = length(setsubtract(keys(var.placements), var.topology.regions[*].name)) == 0
    error_message = "These placements name no region of the topology: ${join(", ", setsubtract(keys(var.placements), var.topology.regions[*].name))}."
  }

  validation {
    condition     = length(distinct(values(var.placements)[*].address_slot)) == length(var.placements)
    error_message = "Two regions have the same address_slot: their networks would overlap."
  }

  validation {
    condition     = alltrue([for one in var.placements : one.address_slot >= 0 && one.address_slot <= 63 && floor(one.address_slot) == one.address_slot])
    error_message = "Each address_slot must be a whole number from 0 to 63."
  }

  validation {
    condition     = length(distinct(values(var.placements)[*].aws_region)) == length(var.placements)
    error_message = "Two regions are in the same AWS region: one outage would take both."
  }

  validation {
    condition = alltrue([
      for one in var.placements :
      length(distinct(one.zones)) == length(one.zones) && length(one.zones) >= 2 && length(one.zones) <= 4 &&
      alltrue([for zone in one.zones : can(regex("^${one.aws_region}[a-z]$", zone))])
    ])
    error_message = "Each region must have 2 to 4 different zones of its own AWS region, such as eu-central-1a."
  }
}
