"""The pipeline as plain Python: from chest X-ray files to a comparison report.

It never imports Airflow. Each part below imports only from parts above it (tests/test_layers.py):

    errors        what a person or a file brings, refused in three parts
    wording       numbers, names and classes as a person reads them
    variants      the four networks that are compared
    machine       graphics cards, cores, memory, child processes
    volume        places on the shared volume; files whole or absent; records; locks
    statistics    figures of scores, intervals, tests that keep a patient together
    settings      one run's settings, their checks, form, profiles and defaults
    study         the study's Table 3
    runs          a run's beginning, how it failed, what people say of it
    data          sources, decoding, ingestion, phantoms; copies, split, folds
    training      networks, frozen layers run once, epochs, checkpoints, folds
    lungs         a lung mask for every image: the user's, or a small segmenter's
    audit         copies across the split, shortcut controls, drift
    evaluation    out-of-fold scores, comparison, verdict, recommendation, explanation
    reporting     the page of a run, its figures, model card, checklist
    remedies      data sets made anew against a shortcut, and what of a score survives
    champion      the model that serves, its challenge and versions; scoring new images
    tracking      a run told to an MLflow server
    publishing    reports and the champion copied to an object store
    flow          the stages and their processes, with and without Airflow
    space         what uses the volume, and what may go
    watching      a run while it goes on: states, epochs, curves
    site          all runs as pages, the champion, scored batches
    cli           the commands and what they print
"""
