"""`Model`: a graph of layers with parameters, which can predict, be trained and be saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from cnnrs import _arguments, ops
from cnnrs import losses as loss_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs._representation import html_table
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import Layer, Node
from cnnrs.layers.node import ancestors, shape_text
from cnnrs.model import spellings
from cnnrs.model.files.rebuild import parts_of, restore
from cnnrs.model.files.save import save
from cnnrs.model.graph.graph import as_nodes
from cnnrs.model.graph.nest import nest
from cnnrs.model.graph.receptive_field import ReceptiveField, receptive_fields
from cnnrs.model.network import Network
from cnnrs.model.reports.description import Description
from cnnrs.model.reports.plan_report import PlanReport
from cnnrs.model.reports.profile import Profile, profile
from cnnrs.model.reports.summary import Summary
from cnnrs.model.run.batch import as_batch

__all__ = ["Model", "without_softmax"]

BATCH_SIZE = 64  # samples that prediction computes at a time


class Model(Network):
    """A network: the layers between inputs and outputs.

    Shapes are known, and checked, when the model is made. All trainable values are stored in one
    array; ``layer.weight`` is a view into it. Models put out logits: `predict` turns them
    into labels, `predict_proba` into probabilities.

    Parameters
    ----------
    inputs, outputs : Node or sequence of Node
        Nodes of `cnnrs.Input`, and of layers called on nodes.
    seed : int
        Seed of the initial weights, at least 0; equal seeds give equal weights.
    dtype : {"float32", "float64"}
        Dtype of parameters and activations; inputs are cast to it.
    class_names : sequence of str, optional
        One for each class, saved with the model.
    name : str, optional
        Prefix of the names of its layers where the model is part of another model.

    Raises
    ------
    ShapeError, ArgumentError
        For a graph that cannot run.
    MemoryError
        For parameters that do not fit into the memory of this machine.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Add, Conv2D, Dense, Flatten
    >>> inputs = cnnrs.Input((8, 8, 3))
    >>> x = Conv2D(4, 3, padding="same", activation="relu")(inputs)
    >>> x = Add()([x, Conv2D(4, 1)(inputs)])
    >>> model = cnnrs.Model(inputs, Dense(10)(Flatten()(x)), seed=0)
    >>> model.predict(np.zeros((2, 8, 8, 3))).shape
    (2,)
    """

    # --- prediction -------------------------------------------------------------------------------
    def __call__(self, x: Any, *, batch_size: int = BATCH_SIZE) -> Any:
        """Compute the outputs (logits) for a batch of samples; on nodes, nest the model in a graph.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
            Any real dtype; cast to the dtype of the model. For several inputs a list of arrays.
        batch_size : int
            Number of samples to compute at a time; the result does not depend on it.

        Returns
        -------
        ndarray of shape (n, *output_shape)
            For several outputs a list of arrays.
        """
        if isinstance(x, Node) or (
            isinstance(x, (list, tuple)) and x and all(isinstance(item, Node) for item in x)
        ):
            return nest(self, as_nodes("inputs", x))
        arrays, count = as_batch(self.graph, x)
        size = _arguments.integer("batch_size", batch_size, 1)
        results = [np.empty((count, *node.shape), self.dtype) for node in self.outputs]
        plan = self.runtime.plan_for(training=False)
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            with self.runtime.run(plan, part.stop - start) as run:
                for result, output in zip(
                    results, run.forward([array[part] for array in arrays]), strict=True
                ):
                    result[part] = output
        return results[0] if len(results) == 1 else results

    def predict(self, x: Any, *, names: bool = False, batch_size: int = BATCH_SIZE) -> Any:
        """Return the most probable class of each sample.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
        names : bool
            Whether to return class names instead of numbers.
        batch_size : int

        Returns
        -------
        ndarray of shape (n,), int64, or list of str
            For outputs that are images, one class for each pixel.
        """
        names = _arguments.flag("names", names)
        output = self._single(x, batch_size)
        if output.shape[-1] < 2:
            raise ArgumentError(
                "predict: needs an output with at least two classes; call the model itself for the "
                "raw output"
            )
        labels = output.argmax(axis=-1)
        if not names:
            return labels
        if self._class_names is None:
            raise ArgumentError("names: the model has no class names; set model.class_names")
        return np.array(self._class_names, dtype=object)[labels].tolist()

    def predict_proba(self, x: Any, *, batch_size: int = BATCH_SIZE) -> Any:
        """Return the probability of each class.

        This is the softmax of the outputs, unless the model ends in softmax.

        Returns
        -------
        ndarray of shape (n, classes)
            Rows of non-negative values that sum to 1.
        """
        output = self._single(x, batch_size)
        return output if _logits_of(self.outputs[0]) is not None else ops.softmax(output)

    def top_k(self, x: Any, k: int = 5, *, batch_size: int = BATCH_SIZE) -> tuple[Any, Any]:
        """Return the k most probable classes of each sample.

        Returns
        -------
        labels : ndarray of shape (n, k), int64
            The most probable class first; of equally probable classes the lower number.
        probabilities : ndarray of shape (n, k)
        """
        k = _arguments.integer("k", k, 1, self.output_shape[-1])
        proba = self.predict_proba(x, batch_size=batch_size)
        labels = np.argsort(-proba, axis=-1, kind="stable")[..., :k]
        return labels, np.take_along_axis(proba, labels, axis=-1)

    def describe(self, x: Any, k: int | None = None) -> Description:
        """Describe the prediction for one image in words and numbers.

        Parameters
        ----------
        x : array-like of shape input_shape, or (1, *input_shape)
        k : int, optional
            Number of classes; by default all.

        Returns
        -------
        Description
            A list of ``(class name, probability)``, the most probable first; printed, a sentence.
        """
        image = np.asarray(x)
        if image.shape == self.input_shape:
            image = image[None]
        if image.shape[:1] != (1,):
            raise ShapeError(
                f"x: describe takes one image, of shape {self.input_shape}, got shape {np.shape(x)}"
            )
        classes = self.output_shape[-1]
        names = self._class_names or tuple(map(str, range(classes)))
        count = classes if k is None else _arguments.integer("k", k, 1, classes)
        return Description(names, self.predict_proba(image)[0], count)

    def activations(self, x: Any, *, batch_size: int = BATCH_SIZE) -> dict[str, Any]:
        """Return the output of every layer, by name, for a batch of samples."""
        graph = self.graph
        inner = [index for index, node in enumerate(graph.nodes) if node.layer is not None]
        whole = self._part([graph.nodes[index] for index in inner])
        outputs = whole(x, batch_size=batch_size)
        return {
            graph.node_name(index): output
            for index, output in zip(inner, outputs if len(inner) > 1 else [outputs], strict=True)
        }

    def node(self, name: str) -> Node:
        """Return the output node of a layer.

        With it, further models can be made: ``cnnrs.Model(model.inputs, [model.node("conv2d_2"),
        *model.outputs])``.

        Parameters
        ----------
        name : str
            Name of a layer (``conv2d_1``, or ``conv2d_1:2`` where it is used a second time) or of
            an input.

        Raises
        ------
        ArgumentError
            If there is no such node.
        """
        return self.graph.nodes[self.graph.find(name)]

    def up_to(self, name: str) -> Model:
        """Return the model from its inputs to the layer with this name; parameters are shared."""
        return self._part([self.node(name)])

    def _part(self, outputs: Sequence[Node]) -> Model:
        needed = set(ancestors(outputs))
        return Model(
            [node for node in self.inputs if node in needed],
            outputs,
            seed=self.seed,
            dtype=self.dtype,
        )

    def _single(self, x: Any, batch_size: int) -> Any:
        if len(self.graph.outputs) != 1:
            raise ArgumentError(
                f"the model has {len(self.graph.outputs)} outputs; call it for all of them, or "
                "make a Model of one"
            )
        return self(x, batch_size=batch_size)

    # --- plan and reports -------------------------------------------------------------------------
    def plan(self, batch_size: int = BATCH_SIZE) -> PlanReport:
        """Return a report of fused layers, kernels of convolutions, and bytes held; print it."""
        return PlanReport(self, _arguments.integer("batch_size", batch_size, 1))

    def summary(
        self, batch_size: int = 1, *, optimizer: str | optimizer_rules.Optimizer | None = None
    ) -> Summary:
        """Return shapes, parameters, multiply-adds, receptive fields and memory; print it.

        Parameters
        ----------
        batch_size : int
            Batch size for the peak memory of a training step and of prediction.
        optimizer : str or Optimizer, optional
            The optimizer whose memory is counted; by default SGD with momentum.
        """
        rule = (
            optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        )
        return Summary(self, _arguments.integer("batch_size", batch_size, 1), len(rule.slots))

    def profile(
        self,
        x: Any,
        y: Any,
        *,
        loss: str | loss_functions.Loss = "cross_entropy",
        optimizer: str | optimizer_rules.Optimizer | None = None,
        repeats: int = 5,
    ) -> Profile:
        """Measure how long each layer takes in a training step, forward and backward; print it.

        Nothing in the model changes except its gradients.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
        y : array-like
            Targets, as the loss takes them.
        loss : str or Loss
        optimizer : str or Optimizer, optional
            By default SGD with momentum.
        repeats : int
            Number of steps, after two that are not counted; the times are medians.

        Returns
        -------
        Profile

        Examples
        --------
        >>> import numpy as np
        >>> import cnnrs
        >>> model = cnnrs.from_text("Input 8x8x1 -> Conv3x3x4 -> ReLU -> FC2")
        >>> report = model.profile(np.zeros((2, 8, 8, 1)), [0, 1])
        >>> [step.name for step in report.steps]
        ['conv2d_1 + relu_1', 'dense_1']
        """
        criterion = loss_functions.get(loss)
        network = without_softmax(self) if criterion.takes_logits else self
        rule = (
            optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        )
        return profile(network, x, y, criterion, rule, _arguments.integer("repeats", repeats, 1))

    def receptive_field(self, layer: str | Layer) -> ReceptiveField:
        """Return the part of the input that one output of a layer sees.

        Parameters
        ----------
        layer : str or Layer
            A layer, or its name.

        Returns
        -------
        ReceptiveField
        """
        name = self.graph.names.get(layer, "") if isinstance(layer, Layer) else layer
        return receptive_fields(self.graph)[self.graph.find(name)]

    def copy(self) -> Self:
        """Return a model of its own with equal layers, names, settings and values.

        ``copy.copy`` and ``copy.deepcopy`` do the same. Parameters that this model shares with
        another are the copy's own.

        Raises
        ------
        ArgumentError
            If a layer of your own does not keep an argument as an attribute; see `Layer.config`.

        Examples
        --------
        >>> import cnnrs
        >>> model = cnnrs.Sequential((4,), [cnnrs.layers.Dense(3)])
        >>> other = model.copy()
        >>> other.layers[0].weight[...] = 0
        >>> bool(model.layers[0].weight.any())
        True
        """
        made = restore(*parts_of(self))
        assert isinstance(made, type(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = self.copy()
        memo.update({id(old): new for old, new in zip(self.layers, made.layers, strict=True)})
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, parts_of(self)

    def __getattr__(self, name: str) -> Any:
        hint = f"; {spellings.ATTRIBUTES[name]}" if name in spellings.ATTRIBUTES else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one file, conventionally ``.cnnrs``; see `cnnrs.load`."""
        save(self, path)

    def _repr_html_(self) -> str:
        """Return a table of the layers, for a notebook."""
        graph = self.graph
        rows = [
            (name, type(node.layer).__name__, shape_text(node.shape), node.layer.num_parameters)
            for name, node in zip(graph.node_names, graph.nodes, strict=True)
            if node.layer is not None
        ]
        header = ("layer", "class", "output", "parameters")
        return html_table(header, rows, caption=repr(self).strip("<>"))

    def __repr__(self) -> str:
        inputs, outputs = (
            " and ".join(shape_text(node.shape) for node in nodes)
            for nodes in (self.inputs, self.outputs)
        )
        return (
            f"<{type(self).__name__} {inputs} -> {outputs}, {len(self.graph.layers)} layers, "
            f"{self.num_parameters:,} parameters>"
        )


def without_softmax(model: Model) -> Model:
    """Return the model up to its logits, if it ends in softmax; otherwise the model itself."""
    logits = [_logits_of(node) for node in model.outputs]
    outputs = [
        node if known is None else known for node, known in zip(model.outputs, logits, strict=True)
    ]
    return model if outputs == list(model.outputs) else model._part(outputs)


def _logits_of(node: Node) -> Node | None:
    """Return the node of the logits, if this node is their softmax."""
    if node.layer is not None and node.layer.facts.softmax:
        return node.inputs[0]
    return None
