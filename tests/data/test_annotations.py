"""Boxes from VOC and COCO, masks, CSV tables: what they give, and that hostile ones get nowhere."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cnnrs.data import Loader, from_coco, from_csv, from_masks, from_voc
from cnnrs.errors import ArgumentError, CnnrsError, FormatError, ShapeError


def save_image(path, height=6, width=8, value=50):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path)


def box_xml(name, xmin, ymin, xmax, ymax):
    corners = f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"
    return f"<object><name>{name}</name><bndbox>{corners}</bndbox></object>"


def annotation(filename, *objects, head="", size=(6, 8)):
    stated = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>"
    start = f"<annotation><filename>{filename}</filename><path>/etc/passwd</path>{stated}"
    return f"{head}{start}{''.join(objects)}</annotation>"


@pytest.fixture
def blood(tmp_path):
    root = tmp_path / "voc"
    (root / "Annotations").mkdir(parents=True)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    save_image(root / "JPEGImages" / "a.png", value=10)
    save_image(root / "JPEGImages" / "b.png", value=20)
    (root / "Annotations" / "a.xml").write_text(
        annotation("a.png", box_xml("red", 1, 2, 5, 4), box_xml("blue", 3, 3, 3, 3))
    )
    (root / "Annotations" / "b.xml").write_text(
        annotation("b.png", box_xml("white", 0, 0, 8, "6.5"))
    )
    (root / "ImageSets" / "Main" / "train.txt").write_text("b  1\n\n")
    return root


def test_voc_boxes_labels_and_splits(blood):
    source = from_voc(blood)
    assert source.class_names == ("blue", "red", "white")
    image, target = source[0]
    assert image.shape == (6, 8, 3)
    assert target["boxes"].tolist() == [[1, 2, 5, 4], [3, 3, 3, 3]]  # a box of zero size stays
    assert target["boxes"].dtype == np.float32
    assert target["labels"].tolist() == [1, 0]
    assert target["labels"].dtype == np.int64
    train = from_voc(blood, "train")
    assert len(train) == 1
    assert train.class_names == source.class_names  # labels do not depend on the split
    assert train[0][1]["labels"].tolist() == [2]
    assert train[0][1]["boxes"].tolist() == [[0, 0, 8, 6.5]]


def test_voc_boxes_are_scaled_with_the_image(blood):
    image, target = from_voc(blood, size=(12, 4))[0]
    assert image.shape == (12, 4, 3)
    assert target["boxes"].tolist() == [[0.5, 4, 2.5, 8], [1.5, 6, 1.5, 6]]
    x, targets = next(iter(Loader(from_voc(blood, size=(12, 4)), 2, threads=2)))
    assert x.shape == (2, 12, 4, 3)
    assert [len(t["labels"]) for t in targets] == [2, 1]


def test_voc_targets_handed_out_are_copies(blood):
    source = from_voc(blood)
    source[0][1]["boxes"][:] = 0
    assert source[0][1]["boxes"].tolist() == [[1, 2, 5, 4], [3, 3, 3, 3]]


def test_voc_transform_gets_boxes_and_labels(blood):
    def flip(x, *, labels, boxes, indices, epoch, seed):
        return x[:, :, ::-1], labels, [8 - one[:, [2, 1, 0, 3]] for one in boxes]

    _, targets = next(iter(Loader(from_voc(blood), 2, transform=flip)))
    assert targets[0]["boxes"][0].tolist() == [3, 6, 7, 4]
    assert "difficult" in targets[0]


BOMB = '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
EXTERNAL = '<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (annotation("a.png", box_xml("&c;", 1, 1, 2, 2), head=BOMB), "DOCTYPE"),
        (annotation("a.png", box_xml("&a;", 1, 1, 2, 2), head=EXTERNAL), "DOCTYPE"),
        (
            annotation("a.png", head='<!DOCTYPE annotation SYSTEM "http://localhost/x.dtd">'),
            "DOCTYPE",
        ),
        (annotation("../../secret.png"), "inside the data folder.*leads out of it"),
        (annotation("/etc/hostname"), "inside the data folder.*leads out of it"),
        (annotation("link.png"), "inside the data folder.*leads out of it"),
        (annotation("folder/../../../secret.png"), "inside the data folder.*leads out of it"),
        (annotation("..\\secret.png"), "expected a usable file name"),
        (annotation("."), "leads out"),
        (annotation("a" * 300), "expected a usable file name"),
        (annotation("a/" * 3000), "expected a usable file name"),
        (annotation("a.png", box_xml("red", "nan", 1, 2, 2)), "object 0.*xmin.*'nan'"),
        (annotation("a.png", box_xml("red", 1, 1, "inf", 2)), "object 0.*xmax"),
        (annotation("a.png", box_xml("red", 1, 1, "", 2)), "object 0.*xmax"),
        (annotation("a.png", box_xml("red", 5, 1, 2, 2)), "expected xmin <= xmax"),
        (annotation("a.png", box_xml("", 1, 1, 2, 2)), "object 0: expected a name"),
        (annotation("a.png", "<object><name>red</name></object>"), "bndbox"),
        ("<annotation><filename>a.png", "damaged XML"),
        ("", "damaged XML"),
        ("<html/>", "expected the root <annotation>"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', "damaged XML"),
    ],
)
def test_hostile_or_damaged_annotations_are_named(blood, tmp_path, xml, message):
    save_image(tmp_path / "secret.png")
    (blood / "JPEGImages" / "link.png").symlink_to(tmp_path / "secret.png")
    (blood / "Annotations" / "b.xml").write_text(xml)
    with pytest.raises((FormatError, FileNotFoundError), match=rf"b\.xml.*({message})"):
        from_voc(blood)


def test_voc_finds_a_misnamed_image_by_the_annotation(blood):
    (blood / "Annotations" / "b.xml").write_text(
        annotation("wrong.jpg", box_xml("white", 0, 0, 1, 1))
    )
    assert from_voc(blood).paths[1].name == "b.png"
    (blood / "JPEGImages" / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"b\.xml.*wrong\.jpg"):
        from_voc(blood)


def test_voc_annotation_of_another_image_is_noticed(blood):
    (blood / "Annotations" / "b.xml").write_text(annotation("b.png", size=(8, 6)))
    with pytest.raises(FormatError, match=r"b\.xml.*8x6.*6x8"):
        from_voc(blood)[1]
    (blood / "Annotations" / "b.xml").write_text(annotation("b.png", size=(0, 0)))
    assert from_voc(blood)[1][1]["boxes"].shape == (0, 4)


def test_voc_splits_and_classes_that_are_not_there(blood):
    for split in ("test", "../train", "", ".train", "a/b"):
        with pytest.raises(ArgumentError, match="split"):
            from_voc(blood, split)
    (blood / "ImageSets" / "Main" / "bad.txt").write_text("../../secret\n")
    with pytest.raises(FormatError, match=r"bad\.txt.*leads out"):
        from_voc(blood, "bad")
    with pytest.raises(FormatError, match="a class among red, white, got 'blue'"):
        from_voc(blood, class_names=("red", "white"))
    with pytest.raises(ArgumentError, match="expected different names"):
        from_voc(blood, class_names=("red", "red", "blue", "white"))
    with pytest.raises(FileNotFoundError):
        from_voc(blood / "missing")


@pytest.fixture
def coco_files(tmp_path):
    save_image(tmp_path / "images" / "train" / "a.png")
    save_image(tmp_path / "images" / "b.png")
    content = {
        "images": [
            {"id": 70, "file_name": "train/a.png", "height": 6, "width": 8},
            {"id": 3, "file_name": "b.png", "height": 6, "width": 8},
        ],
        "categories": [{"id": 90, "name": "zebra"}, {"id": 5, "name": "yak"}],
        "annotations": [
            {"image_id": 70, "category_id": 90, "bbox": [1, 2, 3, 2.5], "iscrowd": 0},
            {"image_id": 70, "category_id": 5, "bbox": [0, 0, 8, 6], "iscrowd": 1},
        ],
    }
    return tmp_path, content


def write_coco(folder, content):
    (folder / "boxes.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return from_coco(folder / "boxes.json", folder / "images")


def test_coco_boxes_become_corners(coco_files):
    source = write_coco(*coco_files)
    assert source.class_names == ("yak", "zebra")
    _, target = source[0]
    assert target["boxes"].tolist() == [[1, 2, 4, 4.5], [0, 0, 8, 6]]
    assert target["labels"].tolist() == [1, 0]
    assert target["difficult"].tolist() == [False, True]
    assert source[1][1]["boxes"].shape == (0, 4)


@pytest.mark.parametrize(
    ("where", "key", "value", "message"),
    [
        ("images", "file_name", "../../secret.png", "image 0.*leads out"),
        ("images", "file_name", "/etc/hostname", "image 0.*leads out"),
        ("images", "file_name", 5, "file_name"),
        ("images", "id", 3, "another image has"),
        ("images", "height", "6", "height"),
        ("images", "width", True, "width"),
        ("annotations", "image_id", 71, "got image 71"),
        ("annotations", "category_id", 6, "category 6$"),
        ("annotations", "bbox", [1, 2, 3], "bbox"),
        ("annotations", "bbox", [1, 2, -3, 4], "bbox"),
        ("annotations", "bbox", [1, 2, float("nan"), 4], "bbox"),
        ("annotations", "bbox", [1, 2, 10**400, 4], "bbox"),
        ("annotations", "bbox", [1, 2, "3", 4], "bbox"),
        ("categories", "name", "yak", "different category names"),
        ("categories", "id", None, "id"),
    ],
)
def test_coco_entries_that_do_not_fit(coco_files, where, key, value, message):
    folder, content = coco_files
    content[where][0][key] = value
    with pytest.raises(FormatError, match=rf"boxes\.json.*{message}"):
        write_coco(folder, content)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"images": 3}', "[" * 100_000, "\x00\xff"])
def test_coco_files_that_are_none(coco_files, text):
    with pytest.raises(FormatError, match=r"boxes\.json"):
        write_coco(coco_files[0], text)


def test_masks_go_with_their_images(tmp_path):
    for stem, value in (("b", 2), ("a", 1)):
        save_image(tmp_path / "images" / f"{stem}.jpg", value=value * 40)
        (tmp_path / "masks").mkdir(exist_ok=True)
        ids = np.zeros((6, 8), np.uint16)
        ids[:3] = value * 300
        Image.fromarray(ids).save(tmp_path / "masks" / f"{stem}.png")
    source = from_masks(tmp_path / "images", tmp_path / "masks")
    assert [path.name for path in source.paths] == ["a.jpg", "b.jpg"]
    image, mask = source[1]
    assert image.shape == (6, 8, 3)
    assert np.unique(mask).tolist() == [0, 600]
    x, y = next(iter(Loader(from_masks(tmp_path / "images", tmp_path / "masks", size=(12, 16)), 2)))
    assert (x.shape, y.shape) == ((2, 12, 16, 3), (2, 12, 16))
    assert set(np.unique(y)) == {0, 300, 600}  # nothing in between

    save_image(tmp_path / "images" / "a.jpg", height=5)
    with pytest.raises(ShapeError, match=r"a\.png.*5x8.*got 6x8"):
        source[0]
    save_image(tmp_path / "images" / "c.jpg")
    with pytest.raises(FormatError, match=r"c\.jpg.*expected a mask"):
        from_masks(tmp_path / "images", tmp_path / "masks")
    save_image(tmp_path / "images" / "c.png")
    with pytest.raises(FormatError, match="expected names that differ before the suffix"):
        from_masks(tmp_path / "images", tmp_path / "masks")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="expected images, got none"):
        from_masks(tmp_path / "empty", tmp_path / "masks")


def table(folder, text):
    (folder / "table.csv").write_bytes(text.encode("utf-8"))
    return folder / "table.csv"


def test_csv_names_and_numbers(tmp_path):
    save_image(tmp_path / "a.png", value=1)
    save_image(tmp_path / "more" / "b,c.png", value=2)
    path = table(tmp_path, '\ufeffname,other,kind\r\n"more/b,c.png",x,zoo\r\na.png,y,ant\r\n')
    source = from_csv(path, file_column="name", label_column="kind")
    assert source.class_names == ("ant", "zoo")
    assert source.labels.tolist() == [1, 0]
    assert source[0][0][0, 0, 0] == 2
    source = from_csv(table(tmp_path, "file,label\na.png,2\na.png,0\n"))
    assert source.labels.tolist() == [2, 0]
    assert source.class_names == ("0", "1", "2")
    source = from_csv(table(tmp_path, "file,label\na.png,zoo\n"), class_names=("zoo", "ant"))
    assert source[0][1] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a column 'file'"),
        ("file\na.png\n", "expected a column 'label'"),
        ("file,label\n", "expected at least one image"),
        ("file,label\na.png\n", "line 2"),
        ("file,label\n,cat\n", "line 2"),
        ("file,label\na.png,cat,more\n", "line 2"),
        ("file,label\na.png,cat\n../secret.png,cat\n", "line 3.*leads out"),
        ("file,label\n/etc/hostname,cat\n", "line 2.*leads out"),
        ('file,label\na.png,"cat\n', "damaged"),
        ("file,label\na.png,99999999999999999999999999\n", "line 2"),
    ],
)
def test_csv_rows_that_do_not_fit(tmp_path, text, message):
    with pytest.raises(FormatError, match=rf"table\.csv.*{message}"):
        from_csv(table(tmp_path, text))


def test_csv_that_is_no_text(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"file,label\n\xff\xfe,1\n")
    with pytest.raises(FormatError, match="UTF-8"):
        from_csv(tmp_path / "table.csv")
    with pytest.raises(FormatError, match=r"line 2.*class_names"):
        from_csv(table(tmp_path, "file,label\na.png,cat\n"), class_names=("dog",))


def test_the_data_folder_itself_may_be_a_link(blood, tmp_path):
    (tmp_path / "alias").symlink_to(blood, target_is_directory=True)
    assert len(from_voc(tmp_path / "alias", "train")) == 1
    images = tmp_path / "elsewhere"
    shutil.move(blood / "JPEGImages", images)
    (blood / "JPEGImages").symlink_to(images, target_is_directory=True)
    assert from_voc(blood)[0][0].shape == (6, 8, 3)


def test_wrong_arguments(blood):
    for arguments in ({"mode": "bgr"}, {"size": 0}, {"size": (1, 2, 3)}, {"size": "6"}):
        with pytest.raises(CnnrsError):
            from_voc(blood, **arguments)


@pytest.mark.slow
def test_bccd_loads_whole(data_dir):
    root = data_dir / "detection" / "bccd"
    if not root.is_dir():
        pytest.skip("no detection/bccd in $CNNRS_DATA")
    source = from_voc(root)
    assert len(source) == 364
    assert source.class_names == ("Platelets", "RBC", "WBC")
    counts = np.bincount(np.concatenate([target["labels"] for target in source.targets]))
    assert counts.tolist() == [361, 4155, 372]
    sides = np.concatenate([t["boxes"][:, 2:] - t["boxes"][:, :2] for t in source.targets])
    assert (sides <= 0).any(axis=1).sum() == 2
    assert [len(from_voc(root, split)) for split in ("train", "val", "test", "trainval")] == [
        205,
        87,
        72,
        292,
    ]
    assert source[100][0].shape == (480, 640, 3)


def test_camvid_masks(data_dir):
    root = data_dir / "segmentation" / "camvid_240x180"
    if not root.is_dir():
        pytest.skip("no segmentation/camvid_240x180 in $CNNRS_DATA")
    source = from_masks(root / "test", root / "testannot")
    assert len(source) == 233
    image, mask = source[0]
    assert image.shape == (180, 240, 3)
    assert mask.shape == (180, 240)
    assert 0 <= mask.min() <= mask.max() <= 11
