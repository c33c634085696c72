"""Names that Keras, PyTorch and earlier versions use, and what to write in cnnrs."""

__all__ = ["ARGUMENTS", "ATTRIBUTES", "CLASSES", "NOTE"]

_SHAPES = "nothing: the layer learns it from its input"

# Arguments of layers. A hint that a layer has no argument for is not shown.
ARGUMENTS = {
    **dict.fromkeys(("in_channels", "in_features", "num_features", "num_channels"), _SHAPES),
    **dict.fromkeys(
        ("input_shape", "input_dim", "batch_input_shape"),
        "the shape into the model: cnnrs.Sequential(input_shape, layers)",
    ),
    "out_channels": "filters=",
    "out_features": "units=",
    "bias": "use_bias=",
    "pool_size": "kernel_size=",
    "ceil_mode": "rounding=",
    "p": "rate=",
    "size": "factor=",
    "mode": "interpolation=",
    **dict.fromkeys(("center", "scale", "elementwise_affine"), "affine="),
    **dict.fromkeys(("alpha", "negative_slope_init", "init"), "negative_slope="),
    **dict.fromkeys(("data_format", "inplace"), "the layer without it"),
}

# Added to the error about too many positional arguments of layers with weights.
NOTE = "; the number of input channels is not an argument, the layer learns it from its input"

# Attributes of layers.
ATTRIBUTES = {
    "kind": "write type(layer).__name__",
    **dict.fromkeys(("initial_slope", "slope"), "write negative_slope"),
    "eps": "write epsilon",
    **dict.fromkeys(("get_weights", "set_weights"), "write layer.weight, layer.bias"),
}

# Names of layers.
CLASSES = {
    "AdaptiveAvgPool2d": "AdaptiveAveragePool2D",
    "AveragePooling2D": "AveragePool2D",
    "AvgPool2d": "AveragePool2D",
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "BatchNormalization": "BatchNorm",
    "Concatenate": "Concat",
    "Conv2d": "Conv2D",
    "ConvTranspose2d": "Conv2DTranspose",
    "Cropping2D": "Crop2D",
    "Dropout2d": "SpatialDropout2D",
    "GlobalAveragePooling2D": "GlobalAveragePool2D",
    "GlobalMaxPooling2D": "GlobalMaxPool2D",
    "GroupNormalization": "GroupNorm",
    "LayerNormalization": "LayerNorm",
    "Linear": "Dense",
    "MaxPool2d": "MaxPool2D",
    "MaxPooling2D": "MaxPool2D",
    "Rescaling": "Rescale",
    "UpSampling2D": "Upsample2D",
    "Upsample": "Upsample2D",
    "ZeroPad2d": "ZeroPad2D",
    "ZeroPadding2D": "ZeroPad2D",
}
