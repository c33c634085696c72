"""Attributes that other libraries and earlier versions have on a model, and what to write."""

__all__ = ["ATTRIBUTES"]

_FIT = "write cnnrs.Trainer(model, ...).fit((x, y))"

ATTRIBUTES = {
    **dict.fromkeys(("fit", "train"), _FIT),
    "compile": f"give loss and optimizer to the trainer: {_FIT}",
    "evaluate": "write cnnrs.Trainer(model, ...).evaluate((x, y))",
    "eval": "write model.predict(x); a model is in training only in cnnrs.Trainer",
    "forward": "write model(x)",
    "get_weights": "write model.state_dict()",
    "set_weights": "write model.load_state_dict(state)",
    "load_weights": "write model.load_state_dict(cnnrs.load(path).state_dict())",
    "without_softmax": "write model.up_to(name) with the name of the layer before softmax",
    "save_weights": "write model.save(path)",
    **{
        name: f"write model.runtime.{name}"
        for name in ("acquire", "arena", "held_bytes", "plan_for", "release")
    },
}
