"""What the project's DAGs share: child processes, assets and schedules, the notifier."""
