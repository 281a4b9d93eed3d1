"""The exporter's configuration: one YAML file, single fields overridden by the environment, validated whole."""
