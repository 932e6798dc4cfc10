"""For operators: settings, logs, health, metrics and the audit trail."""
