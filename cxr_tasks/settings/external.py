"""The second data set: the settings of a run, turned to where it comes from."""

from dataclasses import replace

from cxr_tasks.settings import RunConfig


def external_config(config: RunConfig) -> RunConfig | None:
    """Give the configuration that ingests the external data set; None where there is none."""
    if config.external_source == "none":
        return None
    is_kaggle = config.external_source == "kaggle"
    return replace(
        config,
        source=config.external_source,
        data="" if is_kaggle else config.external_data,
        kaggle_dataset=config.external_data if is_kaggle else "",
        preset=config.preset if config.external_preset == "same" else config.external_preset,
        patients=config.external_patients,
        seed=(config.seed + 1) % 2**31,  # decides phantoms only: the same seed, the same images
    )
