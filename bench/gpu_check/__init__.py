"""`make gpu-check`: the pipeline's trainings on a graphics card, measured within minutes."""
