"""What probes, checks and studies print through: tables, pages and records."""
