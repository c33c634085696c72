"""The obvious executor, as a reference for the plan: node by node, every array fresh, nothing
fused, nothing shared.
"""

import numpy as np

from cnnrs.layers import Context


def chain_of(layer):
    """The layer, and the activation that follows it."""
    activation = layer.followed_by
    return [layer] if activation is None else [layer, activation]


def run(model, inputs, cotangents, *, seed=0, step=0):
    """Outputs, gradients of the inputs, and gradients of the parameters by name, in training."""
    graph, count = model.graph, len(inputs[0])
    values, contexts = list(inputs), [None] * len(inputs)
    for index in range(len(inputs), len(graph.nodes)):
        node, made = graph.nodes[index], []
        y = [values[source] for source in graph.sources[index]]
        for layer in chain_of(node.layer):
            ctx = Context(model.dtype, training=True, stream=index, parameters=layer.parameters)
            ctx.seed, ctx.step = seed, step
            ctx._scratch = {
                name: np.empty((count, *shape), dtype)
                for name, (shape, dtype) in layer.scratch(*(x.shape[1:] for x in y)).items()
            }
            ctx._buffers = [np.empty((count, *node.shape), model.dtype)]
            inside = [x.shape for x in y]
            y = [np.array(layer.forward(ctx, *(x.copy() for x in y)))]
            made.append((layer, ctx, inside))
        values.append(y[0])
        contexts.append(made)
    gradients = [np.zeros_like(value) for value in values]
    for output, cotangent in zip(graph.outputs, cotangents, strict=True):
        gradients[output] += cotangent
    totals = {
        (layer, name): np.zeros(parameter.shape)
        for layer in graph.layers
        for name, parameter in layer.parameters.items()
    }
    for index in reversed(range(len(inputs), len(graph.nodes))):
        results = (gradients[index],)
        for layer, ctx, inside in reversed(contexts[index]):
            ctx._buffers = [np.empty(shape, model.dtype) for shape in inside]
            ctx._overwrite = [True] * len(inside)
            ctx._gradients = {
                name: np.empty(parameter.shape, model.dtype)
                for name, parameter in layer.parameters.items()
            }
            results = layer.backward(ctx, results[0].copy())
            results = results if isinstance(results, tuple) else (results,)
            for name, gradient in ctx._gradients.items():
                assert layer.parameters[name] in ctx._touched
                totals[layer, name] += gradient
        for source, result in zip(graph.sources[index], results, strict=True):
            gradients[source] += result
    named = {f"{graph.names[layer]}.{name}": total for (layer, name), total in totals.items()}
    return [values[index] for index in graph.outputs], gradients[: len(inputs)], named
