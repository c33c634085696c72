"""Makes ``torch.json``: what PyTorch computes from ``inputs.py``. Run it where PyTorch is
installed: ``python tests/golden/make_torch.py``.

Muon's Newton-Schulz iteration runs in bfloat16 in PyTorch, which keeps three digits; here the same
formula runs in float64.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from inputs import BATCH, EPOCHS, FROZEN, RATE, STEPS, loss_inputs, network_inputs, numbers
from torch.optim import lr_scheduler

RULES = {
    "sgd": lambda p: torch.optim.SGD(p, RATE, weight_decay=0.1),
    "momentum": lambda p: torch.optim.SGD(p, RATE, 0.9, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, RATE, 0.9, nesterov=True, weight_decay=0.1),
    "dampening": lambda p: torch.optim.SGD(p, RATE, 0.5, dampening=0.3),
    "rmsprop": lambda p: torch.optim.RMSprop(p, RATE, weight_decay=0.1),
    "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, RATE, 0.9, momentum=0.8),
    "rmsprop_centered": lambda p: torch.optim.RMSprop(p, RATE, 0.9, momentum=0.8, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, RATE, weight_decay=0.1),
    "adagrad_decay": lambda p: torch.optim.Adagrad(
        p, RATE, lr_decay=0.1, initial_accumulator_value=0.5
    ),
    "adam": lambda p: torch.optim.Adam(p, RATE, weight_decay=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, RATE, (0.9, 0.9), amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, RATE, weight_decay=0.1),
    "adamw_amsgrad": lambda p: torch.optim.AdamW(
        p, RATE, (0.9, 0.9), amsgrad=True, weight_decay=0.1
    ),
}
SCHEDULES = {
    "step": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, [5, 9], 0.3),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS, 0.01),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, EPOCHS, 2),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    # PyTorch reaches the peak one step earlier than its documentation says: 7 / 21 of the steps
    # here are 6 / 20 of the epochs
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(
        o, 0.4, total_steps=EPOCHS + 1, pct_start=7 / 21, div_factor=10, final_div_factor=1e4
    ),
}


def rules():
    """Values after fifty steps along given gradients."""
    results = {}
    gradients = numbers(1, STEPS, 12)
    for name, make in RULES.items():
        parameter = torch.nn.Parameter(torch.tensor(numbers(0, 12)))
        optimizer = make([parameter])
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
        results[name] = parameter
    return results


def newton_schulz(gradient, coefficients, steps, eps):
    a, b, c = coefficients
    tall = gradient.size(0) > gradient.size(1)
    x = gradient.T if tall else gradient.clone()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def muon():
    """Values of a matrix after fifty steps; PyTorch's matrices are [out, in]."""
    from torch.optim import _muon

    _muon._zeropower_via_newtonschulz = newton_schulz
    results = {}
    for scale, adjust in (("original", "original"), ("match_adamw", "match_rms_adamw")):
        parameter = torch.nn.Parameter(torch.tensor(numbers(2, 3, 5)).T.contiguous())
        optimizer = torch.optim.Muon([parameter], RATE, weight_decay=0.1, adjust_lr_fn=adjust)
        for gradient in numbers(3, STEPS, 3, 5):
            parameter.grad = torch.tensor(gradient).T.contiguous()
            optimizer.step()
        results[scale] = parameter.T
    return results


def networks(frozen=0):
    """Values of the biases and of some weights of a small network after fifty steps, in the first
    of which the convolution is frozen.
    """
    given = {name: torch.tensor(array) for name, array in network_inputs().items()}
    results = {}
    for name, make in RULES.items():
        weight, bias = (
            given["conv.weight"].permute(3, 2, 0, 1).contiguous(),
            given["conv.bias"].clone(),
        )
        dense, dense_bias = given["dense.weight"].clone(), given["dense.bias"].clone()
        parameters = [torch.nn.Parameter(value) for value in (weight, bias, dense, dense_bias)]
        optimizer = make(parameters)
        for step, (x, y) in enumerate(zip(given["x"], given["y"], strict=True)):
            for parameter in parameters[:2]:
                parameter.requires_grad_(step >= frozen)
            optimizer.zero_grad()
            features = F.relu(F.conv2d(x.permute(0, 3, 1, 2), parameters[0], parameters[1]))
            logits = features.permute(0, 2, 3, 1).reshape(BATCH, -1) @ parameters[2] + parameters[3]
            F.cross_entropy(logits, y).backward()
            optimizer.step()
        results[name] = torch.cat(
            [parameters[1], parameters[3], parameters[0][:, :, 1, 2].reshape(-1)]
        )
    return results


def losses():
    """Values and gradients."""
    given = {name: torch.tensor(array) for name, array in loss_inputs().items()}
    hard, ignoring, soft, weights = (
        given[name] for name in ("labels", "ignoring", "soft", "weights")
    )
    functions = {
        "cross_entropy": lambda x: F.cross_entropy(x, hard),
        "cross_entropy_soft": lambda x: F.cross_entropy(x, soft),
        "cross_entropy_smoothed": lambda x: F.cross_entropy(x, hard, label_smoothing=0.1),
        "cross_entropy_weighted": lambda x: F.cross_entropy(x, hard, weight=weights),
        "cross_entropy_ignoring": lambda x: F.cross_entropy(x, ignoring, ignore_index=255),
        "cross_entropy_all": lambda x: F.cross_entropy(
            x, ignoring, weight=weights, label_smoothing=0.1, ignore_index=255
        ),
        "cross_entropy_soft_weighted": lambda x: F.cross_entropy(
            x, soft, weight=weights, label_smoothing=0.1
        ),
        "kl": lambda x: F.kl_div(F.log_softmax(x, 1), soft, reduction="batchmean"),
        "binary": lambda x: F.binary_cross_entropy_with_logits(x, soft),
        "binary_weighted": lambda x: F.binary_cross_entropy_with_logits(
            x, soft, pos_weight=weights
        ),
        "mse": lambda x: F.mse_loss(x, soft),
        "mae": lambda x: F.l1_loss(x, soft),
        "huber": lambda x: F.huber_loss(x, soft, delta=0.7),
        "smooth_l1": lambda x: F.smooth_l1_loss(x, soft, beta=0.7),
        "hinge": lambda x: F.multi_margin_loss(x, hard, margin=0.5),
        "hinge_squared": lambda x: F.multi_margin_loss(x, hard, p=2),
    }
    results = {}
    for name, function in functions.items():
        x = given["x"].clone().requires_grad_()
        value = function(x)
        value.backward()
        results[name] = torch.cat([value.detach().reshape(1), x.grad.reshape(-1)])
    return results


def schedules():
    """The rate of every epoch; that of the plateau after each number it was told."""
    results = {}

    def optimizer():
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.4)

    for name, make in SCHEDULES.items():
        rule = optimizer()
        schedule = make(rule)
        results[name] = []
        for _ in range(EPOCHS):
            results[name].append(rule.param_groups[0]["lr"])
            rule.step()
            schedule.step()
    rule = optimizer()
    schedule = lr_scheduler.ReduceLROnPlateau(rule, factor=0.5, patience=2, cooldown=1, min_lr=1e-3)
    results["plateau"] = []
    for value in numbers(40, 40):
        schedule.step(value)
        results["plateau"].append(rule.param_groups[0]["lr"])
    return results


def rounded(values):
    flat = values.detach().reshape(-1).tolist() if isinstance(values, torch.Tensor) else values
    return [float(f"{value:.10g}") for value in flat]


def main():
    parts = {
        "rules": rules(),
        "muon": muon(),
        "networks": networks(),
        "late": networks(FROZEN),
        "losses": losses(),
        "schedules": schedules(),
    }
    content = {"torch": torch.__version__, "numpy": np.__version__}
    content |= {
        part: {name: rounded(values) for name, values in entries.items()}
        for part, entries in parts.items()
    }
    lines = json.dumps(content).replace('], "', '],\n"').replace('}, "', '},\n"')
    Path(__file__).with_name("torch.json").write_text(lines + "\n")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
