"""Pictures of users: read as they look, fitted without being stretched, and every fault named with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rekur.data import images
from rekur.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    for name, size in (("a.png", (6, 4)), ("b.png", (3, 9))):
        Image.fromarray(np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[1], size[0])).save(made / name)
    return made


def captions(folder: Path, text: str, name: str = "captions.csv") -> Path:
    file = folder.parent / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_picture_may_have_several_captions(folder: Path) -> None:
    file = captions(folder, "image,caption\na.png,one\nb.png,two\na.png, uno \n")
    found = images.read_captions(file, folder)
    assert [path.name for path in found.files] == ["a.png", "b.png"]
    assert found.captions == ["one", "two", "uno"]
    assert found.of.tolist() == [0, 1, 0]


def test_a_tsv_does_as_well_and_captions_may_hold_commas(folder: Path) -> None:
    file = captions(folder, "image\tcaption\na.png\tone, two\n", "captions.tsv")
    assert images.read_captions(file, folder).captions == ["one, two"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,caption\na.png,one\nc.png,two\n", r"captions\.csv, line 3: there is no image c\.png"),
        ("image,caption\na.png,one\nb.png,\n", r"captions\.csv, line 3: the caption of b\.png is empty"),
        ("image,caption\na.png,one\n,two\n", r"captions\.csv, line 3: no image is named"),
        ("image,caption\n../secret.png,one\n", r"captions\.csv, line 2: \.\./secret\.png lies outside"),
        ("image,caption\n/etc/hostname,one\n", r"captions\.csv, line 2: /etc/hostname lies outside"),
        ("image,captoin\na.png,one\n", r"captions\.csv has no column `caption`\. Did you mean `captoin`"),
        ("picture,caption\na.png,one\n", r"captions\.csv has no column `image`"),
        ("", r"captions\.csv is empty"),
    ],
)
def test_every_fault_of_the_table_names_its_line(folder: Path, text: str, said: str) -> None:
    (folder.parent / "secret.png").write_bytes((folder / "a.png").read_bytes())
    with pytest.raises(DataError, match=said):
        images.read_captions(captions(folder, text), folder)


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder.parent / "secret.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    with pytest.raises(DataError, match=r"line 2: .* lies outside"):
        images.read_captions(captions(folder, "image,caption\nlink.png,one\n"), folder)


def test_a_folder_that_is_none_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere is no folder"):
        images.read_captions(captions(folder, "image,caption\na.png,one\n"), folder / "nowhere")


def test_an_image_that_is_not_one_is_named(folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png is no image"):
        images.read_picture(folder / "text.png", 1)


def test_a_cut_image_is_named(folder: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:900])
    with pytest.raises(DataError, match=r"cut\.png is damaged"):
        images.read_picture(folder / "cut.png", 1)


@pytest.mark.parametrize("limit", ["ours", "pillow's"])
def test_a_giant_is_refused_before_it_is_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    if limit == "ours":
        monkeypatch.setattr(images, "MOST_PIXELS", 20)
    else:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15)
    with pytest.raises(DataError, match=r"a\.png has .*pixels.*Shrink it"):
        images.read_picture(folder / "a.png", 1)


def test_grey_and_colour(folder: Path) -> None:
    red = np.zeros((2, 3, 3), dtype=np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(folder / "red.png")
    np.testing.assert_array_equal(images.read_picture(folder / "red.png", 3), red)
    assert set(images.read_picture(folder / "red.png", 1).ravel().tolist()) == {76}  # ITU-R 601: 0.299 of red


def test_what_is_transparent_is_white(folder: Path) -> None:
    Image.fromarray(np.zeros((2, 2, 4), dtype=np.uint8)).save(folder / "clear.png")
    assert (images.read_picture(folder / "clear.png", 1) == 255).all()


def test_sixteen_bits_become_eight_not_white(folder: Path) -> None:
    Image.fromarray(np.array([[0, 32_768, 65_535]], dtype=np.uint16)).save(folder / "deep.png")
    assert images.read_picture(folder / "deep.png", 1)[0, :, 0].tolist() == [0, 128, 255]


def test_a_picture_lies_as_its_camera_says(folder: Path) -> None:
    picture = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    turned = picture.getexif()
    turned[0x0112] = 6  # to be turned by a quarter
    picture.save(folder / "turned.png", exif=turned)
    assert images.read_picture(folder / "turned.png", 1)[:, 0, 0].tolist() == [0, 255]


@pytest.mark.parametrize(("shape", "fitted"), [((10, 40), (5, 20)), ((40, 10), (10, 2)), ((3, 3), (10, 10))])
def test_proportions_are_kept(shape: tuple[int, int], fitted: tuple[int, int]) -> None:
    found = images.fit(np.full((*shape, 1), 200, dtype=np.uint8), 10, 20)
    assert found.shape == (10, fitted[1], 1)
    used = np.flatnonzero(found[:, 0, 0])
    assert len(used) == fitted[0]
    assert abs(used[0] - (9 - used[-1])) <= 1  # in the middle


def test_what_fits_stays_as_it_is() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (10, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(images.fit(picture, 10, 20), picture)


def test_pictures_stack_with_black_behind() -> None:
    whole, widths = images.stack([np.full((2, w, 1), 9, np.uint8) for w in (3, 1)], width=4)
    assert whole[..., 0].tolist() == [[[9, 9, 9, 0]] * 2, [[9, 0, 0, 0]] * 2]
    assert widths.tolist() == [3, 1]


def test_a_folder_lists_its_pictures_by_name(folder: Path) -> None:
    (folder / "notes.txt").write_text("")
    assert [path.name for path in images.listed(folder)] == ["a.png", "b.png"]
    with pytest.raises(DataError, match="holds no picture"):
        images.listed(folder.parent)
