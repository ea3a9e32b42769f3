"""Multi30k: captions of photographs in English, and in German by translators; 29,000 pairs to train."""

from __future__ import annotations

from pathlib import Path

from rekur.data.datasets.base import DataSet, File, read
from rekur.data.datasets.publishers import fetch_file
from rekur.data.parallel import Form, Pairs, Part

_URL = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/"
_NAMES = {"train": "train", "validation": "val", "test": "test_2016_flickr"}


def _raw(name: str, size: int, sha256: str, packed: int, packed_sha256: str) -> File:
    return File(name, size, sha256, url=f"{_URL}raw/{name}", transfer=packed, published=f"sha256:{packed_sha256}")


def _tokenised(name: str, size: int, sha256: str) -> File:
    return File(f"tok/{name}.gz", size, sha256, url=f"{_URL}tok/{name}", transfer=size)


SET = DataSet(
    name="multi30k",
    title="Multi30k, task 1: German and English captions",
    licence="none stated by its repository; made of Flickr30k's captions, for research",
    source="https://github.com/multi30k/dataset",
    citation="D. Elliott, S. Frank, K. Sima'an, L. Specia, Multi30K: Multilingual English-German Image Descriptions, "
    "Workshop on Vision and Language, 2016",
    files=(
        _raw(
            "train.de.gz",
            2_110_398,
            "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
            637_044,
            "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        ),
        _raw(
            "train.en.gz",
            1_801_238,
            "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
            568_929,
            "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        ),
        _raw(
            "val.de.gz",
            75_981,
            "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
            24_681,
            "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        ),
        _raw(
            "val.en.gz",
            63_297,
            "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
            21_650,
            "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        ),
        _raw(
            "test_2016_flickr.de.gz",
            70_649,
            "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
            22_890,
            "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        ),
        _raw(
            "test_2016_flickr.en.gz",
            62_076,
            "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
            21_077,
            "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        ),
        _tokenised(
            "train.lc.norm.tok.de",
            2_150_008,
            "cb5a23529b65ec2061f1dc446192a9c37382b63cc75f81a0be59d34894b3a505",
        ),
        _tokenised(
            "train.lc.norm.tok.en",
            1_837_696,
            "08925f8e0572bcd5a006702fc5fe20e2d77c6917d4eebd576fc20de6693c2119",
        ),
        _tokenised(
            "val.lc.norm.tok.de",
            77_273,
            "97232bd273eceb7207f689527386a97e4be2616b18ada47576bdaf96c8ae1f00",
        ),
        _tokenised(
            "val.lc.norm.tok.en",
            64_608,
            "46573ce391ae227f1c72f873392436a20ef18e0a6d518098cfbd70b77c8572ec",
        ),
        _tokenised(
            "test_2016_flickr.lc.norm.tok.de",
            71_917,
            "c6a33d39d48f9f510de147651316cd9d918e09ad0219df734a2f16b6baccacc4",
        ),
        _tokenised(
            "test_2016_flickr.lc.norm.tok.en",
            63_307,
            "5b7f32627cf99eced828311b955dae9800bb52bc8b91cf8b6526829e605b29d2",
        ),
    ),
    publish=fetch_file,
)


def load(
    part: Part, source: str = "de", target: str = "en", form: Form = "tokenised", data_dir: Path | None = None
) -> Pairs:
    """Return the pairs of a part: 29,000 of train, 1,014 of validation, 1,000 of test (2016, Flickr).

    Args:
        source, target: de or en.
        form: "tokenised" (lower-cased, normalised and cut by Moses' scripts) or "raw", as the translators wrote.
        data_dir: the folder `--data` names.

    Raises:
        DataError: a file is missing and cannot be fetched, or is damaged.
    """
    name = f"tok/{_NAMES[part]}.lc.norm.tok" if form == "tokenised" else _NAMES[part]
    return Pairs(*(read(SET, f"{name}.{language}.gz", data_dir).decode().splitlines() for language in (source, target)))
