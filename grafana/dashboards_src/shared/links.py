"""Where clicks in tables of several dashboards lead."""

from dashboards_src.layer.links import address

TO_RUN = (address("taximeter-training-run", run="${__value.text}"), "This run")
"""For a column of runs."""

TO_GPUS_OF_HOST = (address("taximeter-gpus", instance="${__value.text}"), "GPUs of this host")
"""For a column of hosts."""
