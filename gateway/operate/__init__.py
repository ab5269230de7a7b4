"""What every question passes, whatever the protocol: limits, a clock, a record, a count."""
