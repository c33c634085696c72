"""The obvious executor, as a reference for the plan: node by node, every array fresh, nothing
fused, nothing shared.
"""

import numpy as np

from cnnrs.layers import Context


def run(model, inputs, cotangents, *, seed=0, step=0):
    """Outputs, gradients of the inputs, and gradients of the parameters by name, all in training."""
    graph, count = model.graph, len(inputs[0])
    values, contexts = list(inputs), [None] * len(inputs)
    for index in range(len(inputs), len(graph.nodes)):
        node, layer = graph.nodes[index], graph.nodes[index].layer
        ctx = Context(model.dtype, training=True, stream=index)
        ctx.seed, ctx.step = seed, step
        shapes = [graph.nodes[source].shape for source in graph.sources[index]]
        ctx._scratch = {
            name: np.empty((count, *shape), dtype)
            for name, (shape, dtype) in layer.scratch(*shapes).items()
        }
        ctx._buffers = [np.empty((count, *node.shape), model.dtype)]
        values.append(
            np.array(
                layer.forward(ctx, *(values[source].copy() for source in graph.sources[index]))
            )
        )
        contexts.append(ctx)
    gradients = [np.zeros_like(value) for value in values]
    for output, cotangent in zip(graph.outputs, cotangents, strict=True):
        gradients[output] += cotangent
    totals = {
        (layer, name): np.zeros(parameter.shape)
        for layer in graph.layers
        for name, parameter in layer.parameters.items()
    }
    for index in reversed(range(len(inputs), len(graph.nodes))):
        layer, ctx, sources = graph.nodes[index].layer, contexts[index], graph.sources[index]
        ctx._buffers = [np.empty_like(values[source]) for source in sources]
        ctx._overwrite = [True] * len(sources)
        ctx._gradients = {
            name: np.empty(parameter.shape, model.dtype)
            for name, parameter in layer.parameters.items()
        }
        results = layer.backward(ctx, gradients[index].copy())
        for source, result in zip(
            sources, results if isinstance(results, tuple) else (results,), strict=True
        ):
            gradients[source] += result
        for name, gradient in ctx._gradients.items():
            assert name in ctx._touched
            totals[layer, name] += gradient
    named = {f"{graph.names[layer]}.{name}": total for (layer, name), total in totals.items()}
    return [values[index] for index in graph.outputs], gradients[: len(inputs)], named
