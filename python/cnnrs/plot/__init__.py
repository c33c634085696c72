"""Draw plots into image files.

They need matplotlib (``pip install 'cnnrs[plot]'``), which is imported when a plot is drawn.
"""

from cnnrs.plot.learning_curves import history
from cnnrs.plot.learning_rates import learning_rates
from cnnrs.plot.samples import augmentations, samples

__all__ = ["augmentations", "history", "learning_rates", "samples"]
