"""Data sets from files and arrays, and their batches.

A *source* is anything with ``len(source)`` and ``source[i] -> (x, y)``. `from_arrays`,
`from_folder`, `from_csv`, `from_masks`, `from_voc`, `from_coco` and `from_memmap` make sources,
`split` divides them, and a `Loader` yields their batches. Images are uint8 of shape ``(height,
width, channels)``; labels are int64. Nothing is unpickled, and a file name in an annotation never
leads out of its data folder.
"""

from typing import TYPE_CHECKING

from cnnrs import _renamed
from cnnrs.data.boxes import BoxSource, BoxTarget
from cnnrs.data.class_folders import FolderSource, from_folder
from cnnrs.data.coco_json import from_coco
from cnnrs.data.csv_table import CsvSource, from_csv
from cnnrs.data.dataset_statistics import Statistics, duplicates, statistics
from cnnrs.data.image import decode_image, image_size, read_image, read_mask
from cnnrs.data.loader import Loader
from cnnrs.data.mask_pairs import MaskSource, from_masks
from cnnrs.data.memory_map import MemoryMapSource, from_memmap
from cnnrs.data.pascal_voc import from_voc
from cnnrs.data.source import (
    ArraySource,
    FileSource,
    Source,
    Subset,
    as_source,
    fetch,
    from_arrays,
    labels_of,
)
from cnnrs.data.splitting import split, split_indices, stratified_kfold
from cnnrs.data.stacking import collate

__all__ = [
    "ArraySource",
    "BoxSource",
    "BoxTarget",
    "CsvSource",
    "FileSource",
    "FolderSource",
    "Loader",
    "MaskSource",
    "MemoryMapSource",
    "Source",
    "Statistics",
    "Subset",
    "as_source",
    "collate",
    "decode_image",
    "duplicates",
    "fetch",
    "from_arrays",
    "from_coco",
    "from_csv",
    "from_folder",
    "from_masks",
    "from_memmap",
    "from_voc",
    "image_size",
    "labels_of",
    "read_image",
    "read_mask",
    "split",
    "split_indices",
    "statistics",
    "stratified_kfold",
]

if not TYPE_CHECKING:
    __getattr__ = _renamed.names(
        __name__,
        {
            "arrays": "from_arrays",
            "coco": "from_coco",
            "csv": "from_csv",
            "folder": "from_folder",
            "masks": "from_masks",
            "memmap": "from_memmap",
            "voc": "from_voc",
        },
    )
