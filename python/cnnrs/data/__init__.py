"""From files and arrays to batches.

A *source* is anything with ``len(source)`` and ``source[i] -> (x, y)``; `arrays`, `folder`, `voc`,
`coco`, `masks`, `csv` and `memmap` make them, `split` divides them, a `Loader` turns them into
batches. Images are uint8, ``(height, width, channels)``; labels are int64. Nothing is unpickled,
and a name found in an annotation never leads out of its data folder.
"""

from cnnrs.data.boxes import BoxSource, BoxTarget
from cnnrs.data.class_folders import FolderSource, folder
from cnnrs.data.coco_json import coco
from cnnrs.data.csv_table import CsvSource, csv
from cnnrs.data.dataset_statistics import Statistics, duplicates, statistics
from cnnrs.data.image import decode_image, image_size, read_image, read_mask
from cnnrs.data.loader import Loader
from cnnrs.data.mask_pairs import MaskSource, masks
from cnnrs.data.memory_map import MemoryMapSource, memmap
from cnnrs.data.pascal_voc import voc
from cnnrs.data.source import (
    ArraySource,
    FileSource,
    Source,
    Subset,
    arrays,
    as_source,
    collate,
    fetch,
    labels_of,
)
from cnnrs.data.splitting import split, split_indices, stratified_kfold

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
    "arrays",
    "as_source",
    "coco",
    "collate",
    "csv",
    "decode_image",
    "duplicates",
    "fetch",
    "folder",
    "image_size",
    "labels_of",
    "masks",
    "memmap",
    "read_image",
    "read_mask",
    "split",
    "split_indices",
    "statistics",
    "stratified_kfold",
    "voc",
]
