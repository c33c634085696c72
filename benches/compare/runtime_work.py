"""Prediction in ONNX Runtime and OpenVINO, with networks exported from PyTorch."""

import functools
import io
import warnings

import numpy as np
import torch

from .rows import INPUT_SHAPES
from .torch_nets import network

__all__ = ["load_onnxruntime", "load_openvino"]

THREADS = 2


@functools.cache
def exported(name, batch):
    """Return the bytes of the network's ONNX file, and an input."""
    height, width, channels = INPUT_SHAPES[name]
    x = torch.randn(batch, channels, height, width)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network(name).eval(), (x,), file, dynamo=False, input_names=["x"], output_names=["y"]
        )
    return file.getvalue(), np.ascontiguousarray(x.numpy())


def load_onnxruntime(kind, key):
    """Return the prediction with two threads."""
    import onnxruntime

    model, x = exported(*key)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return (lambda: session.run(None, {"x": x})), None


def load_openvino(kind, key):
    """Return the prediction with two threads in float32, tuned for latency."""
    import openvino

    model, x = exported(*key)
    core = openvino.Core()
    how = {
        "INFERENCE_NUM_THREADS": THREADS,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(core.read_model(model), "CPU", how).create_infer_request()
    return (lambda: request.infer({0: x}, share_inputs=True, share_outputs=True)), None
