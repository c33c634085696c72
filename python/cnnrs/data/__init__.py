"""From files and arrays to batches.

A *source* is anything with ``len(source)`` and ``source[i] -> (x, y)``; `arrays`, `folder`, `voc`, `coco`, `masks`, `csv` and
`memmap` make them, `split` divides them, a `Loader` turns them into batches. Images are uint8, ``(height, width, channels)``;
labels are int64. Nothing is unpickled, and a name found in an annotation never leads out of its data folder.
"""

from cnnrs.data.class_folders import FolderSource, folder
from cnnrs.data.image import decode_image, image_size, read_image, read_mask
from cnnrs.data.loader import Loader
from cnnrs.data.source import ArraySource, FileSource, Source, Subset, arrays, as_source, collate, fetch, labels_of
from cnnrs.data.splitting import split, split_indices, stratified_kfold

__all__ = [
    "ArraySource",
    "FileSource",
    "FolderSource",
    "Loader",
    "Source",
    "Subset",
    "arrays",
    "as_source",
    "collate",
    "decode_image",
    "fetch",
    "folder",
    "image_size",
    "labels_of",
    "read_image",
    "read_mask",
    "split",
    "split_indices",
    "stratified_kfold",
]
