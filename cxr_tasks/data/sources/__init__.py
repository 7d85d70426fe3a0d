"""Where images come from: folders, zip files, Kaggle, the project's own drawings."""
