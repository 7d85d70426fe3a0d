"""Makes the backbone that comes with the project: MobileNetV2 trained on drawn radiographs."""
