"""The official files of the data sets that can be fetched.

Hashes are the ones under which these files have been published or redistributed for years; several
independent sources agree on each. Where none is stated (the single files inside EMNIST's archive),
the archive they come from has one, and the files themselves are held against their format and the
published counts.
"""

from __future__ import annotations

from shareconsole.files.record import DataFile, Download, FileSet, Role, SplitName

_KANNADA_BASE = (
    "https://raw.githubusercontent.com/vinayprabhu/Kannada_MNIST/"
    "f8390ece0c6990551e6f35189ccc42757bb29c43/data/output_tensors/MNIST_format/",
)
_EMNIST = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
_EMNIST_SIZE = 561_753_746
_EMNIST_HASH = "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"


def _mnist_files(
    bases: tuple[str, ...], facts: tuple[tuple[int, str], ...]
) -> tuple[DataFile, ...]:
    """Return MNIST's four files; facts are bytes and SHA-256 of each, training images first."""
    parts: tuple[tuple[str, SplitName, Role], ...] = (
        ("train-images-idx3-ubyte.gz", "train", "images"),
        ("train-labels-idx1-ubyte.gz", "train", "labels"),
        ("t10k-images-idx3-ubyte.gz", "test", "images"),
        ("t10k-labels-idx1-ubyte.gz", "test", "labels"),
    )
    return tuple(
        _plain(name, split, role, size, (f"sha256:{digest}",), bases)
        for (name, split, role), (size, digest) in zip(parts, facts, strict=True)
    )


def _plain(
    name: str,
    split: SplitName,
    role: Role,
    size: int,
    hashes: tuple[str, ...],
    bases: tuple[str, ...],
) -> DataFile:
    """Return a file that is downloaded as it is."""
    urls = tuple(base + name for base in bases)
    return DataFile(name, split, role, size, hashes, Download(urls, name, size, hashes[0]))


def _emnist_files(part: str) -> tuple[DataFile, ...]:
    """Return the four files of one part of EMNIST, which are members of one large archive."""
    files = []
    splits: tuple[SplitName, ...] = ("train", "test")
    roles: tuple[tuple[Role, int], ...] = (("images", 3), ("labels", 1))
    for split in splits:
        for role, rank in roles:
            name = f"emnist-{part}-{split}-{role}-idx{rank}-ubyte.gz"
            download = Download(
                (_EMNIST,), "emnist-gzip.zip", _EMNIST_SIZE, _EMNIST_HASH, f"gzip/{name}"
            )
            files.append(DataFile(name, split, role, 0, (), download))
    return tuple(files)


_EMNIST_LICENCE = (
    "none stated; derived from NIST Special Database 19, a work of the US government; NIST asks to "
    "cite the paper"
)
_EMNIST_CITATION = "Cohen, Afshar, Tapson & van Schaik 2017, EMNIST, arXiv:1702.05373"
_EMNIST_HOME = "https://www.nist.gov/itl/products-and-services/emnist-dataset"
_CIFAR_LICENCE = "none stated; the authors ask to cite the report"
_CIFAR_CITATION = "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images"
_CIFAR_HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CIFAR_BASE = ("https://www.cs.toronto.edu/~kriz/",)
_OMNIGLOT_BASE = ("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",)

# Files on the authors' drive: a number for each, and a second one without which older links end
# at a page. What is too large for the drive's virus scanner is sent only where that is confirmed.
_CELEBA_DRIVE = (
    "https://drive.usercontent.google.com/download?export=download&confirm=t&id={}&resourcekey={}"
)


def _celeba_file(
    name: str, role: Role, size: int, md5: str, drive_id: str, resource_key: str
) -> DataFile:
    url = _CELEBA_DRIVE.format(drive_id, resource_key)
    digest = f"md5:{md5}"
    return DataFile(name, "", role, size, (digest,), Download((url,), name, size, digest))


_ALL = (
    FileSet(
        name="mnist",
        title="MNIST",
        licence="none stated by its authors; redistributors give CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio & Haffner 1998, Gradient-Based Learning Applied to "
        "Document Recognition",
        home="http://yann.lecun.com/exdb/mnist/",
        files=_mnist_files(
            ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
            (
                (
                    9_912_422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
                (
                    1_648_877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
            ),
        ),
        form="idx",
        labels=(0, 9),
        counts=(60_000, 10_000),
        own_folder=True,
    ),
    FileSet(
        name="fashion_mnist",
        title="Fashion-MNIST",
        licence="MIT",
        citation="Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, arXiv:1708.07747",
        home="https://github.com/zalandoresearch/fashion-mnist",
        files=_mnist_files(
            ("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
            (
                (
                    26_421_880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
                (
                    4_422_102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
            ),
        ),
        form="idx",
        labels=(0, 9),
        counts=(60_000, 10_000),
        own_folder=True,
    ),
    FileSet(
        name="kmnist",
        title="Kuzushiji-MNIST",
        licence="CC BY-SA 4.0",
        citation="Clanuwat et al. 2018, Deep Learning for Classical Japanese Literature, "
        "arXiv:1812.01718",
        home="https://codh.rois.ac.jp/kmnist/",
        files=_mnist_files(
            ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            (
                (
                    18_165_135,
                    "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                ),
                (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
                (
                    3_041_136,
                    "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                ),
                (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
            ),
        ),
        form="idx",
        labels=(0, 9),
        counts=(60_000, 10_000),
        own_folder=True,
    ),
    FileSet(
        name="emnist_digits",
        title="EMNIST digits",
        licence=_EMNIST_LICENCE,
        citation=_EMNIST_CITATION,
        home=_EMNIST_HOME,
        files=_emnist_files("digits"),
        form="idx",
        labels=(0, 9),
        counts=(240_000, 40_000),
    ),
    FileSet(
        name="emnist_letters",
        title="EMNIST letters",
        licence=_EMNIST_LICENCE,
        citation=_EMNIST_CITATION,
        home=_EMNIST_HOME,
        files=_emnist_files("letters"),
        form="idx",
        labels=(1, 26),
        counts=(124_800, 20_800),
    ),
    FileSet(
        name="kannada_mnist",
        title="Kannada-MNIST, test part",
        licence="none stated in the author's repository",
        citation="Prabhu 2019, Kannada-MNIST, arXiv:1908.01242",
        home="https://github.com/vinayprabhu/Kannada_MNIST",
        files=(
            _plain(
                "X_kannada_MNIST_test-idx3-ubyte.gz",
                "test",
                "images",
                1_120_203,
                ("sha256:4628f3fa7b1d32137449dd356be4601da0c28c420b79f1b745a5134504ca35ca",),
                _KANNADA_BASE,
            ),
            _plain(
                "y_kannada_MNIST_test-idx1-ubyte.gz",
                "test",
                "labels",
                103,
                ("sha256:645db5902d290681c9e5b452428e24636963a50a3036c2201240351b88786272",),
                _KANNADA_BASE,
            ),
        ),
        form="idx",
        labels=(0, 9),
        counts=(0, 10_000),
    ),
    FileSet(
        name="cifar100",
        title="CIFAR-100",
        licence=_CIFAR_LICENCE,
        citation=_CIFAR_CITATION,
        home=_CIFAR_HOME,
        files=(
            _plain(
                "cifar-100-python.tar.gz",
                "",
                "archive",
                169_001_437,
                ("sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",),
                _CIFAR_BASE,
            ),
        ),
        form="cifar",
        labels=(0, 99),
        counts=(50_000, 10_000),
    ),
    FileSet(
        name="cifar10",
        title="CIFAR-10",
        licence=_CIFAR_LICENCE,
        citation=_CIFAR_CITATION,
        home=_CIFAR_HOME,
        files=(
            _plain(
                "cifar-10-python.tar.gz",
                "",
                "archive",
                170_498_071,
                ("sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",),
                _CIFAR_BASE,
            ),
        ),
        form="cifar",
        labels=(0, 9),
        counts=(50_000, 10_000),
    ),
    FileSet(
        name="omniglot",
        title="Omniglot",
        licence="MIT",
        citation="Lake, Salakhutdinov & Tenenbaum 2015, Human-Level Concept Learning Through "
        "Probabilistic Program Induction, Science 350",
        home="https://github.com/brendenlake/omniglot",
        files=(
            _plain(
                "images_background.zip",
                "",
                "archive",
                9_464_212,
                (
                    "md5:68d2efa1b9178cc56df9314c21c6e718",
                    # The same drawings, all of them, zipped anew.
                    "sha256:3f7b1e54968dd501b06bd9bf15058ed37872531b8fdb69325a775004a4fe0b44",
                ),
                _OMNIGLOT_BASE,
            ),
            _plain(
                "images_evaluation.zip",
                "",
                "archive",
                6_462_886,
                (
                    "md5:6b91aef0f799c5bb55b94e3f2daec811",
                    "sha256:a53a096c3e68025205a6fb80eff83f7390e7b80a28f29a1d1fc2912e1fe86649",
                ),
                _OMNIGLOT_BASE,
            ),
        ),
        form="omniglot",
        labels=(0, 1622),
        counts=(0, 32_460),
    ),
    FileSet(
        name="celeba",
        title="CelebA, aligned faces",
        licence="non-commercial research only, no redistribution; the faces are of living people: "
        "read the agreement on its page",
        citation="Liu, Luo, Wang & Tang 2015, Deep Learning Face Attributes in the Wild, "
        "arXiv:1411.7766",
        home="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        files=(
            _celeba_file(
                "img_align_celeba.zip",
                "archive",
                1_443_490_838,
                "00d2c5bc6d35e252742224ab0c1e8fcb",
                "0B7EVK8r0v71pZjFTYXZWM3FlRnM",
                "0-dYn9z10tMJOBAkviAcfdyQ",
            ),
            _celeba_file(
                "list_attr_celeba.txt",
                "labels",
                26_721_026,
                "75e246fa4810816ffd6ee81facbd244c",
                "0B7EVK8r0v71pblRyaVFSWGxPY0U",
                "0-YW2qIuRcWHy_1C2VaRGL3Q",
            ),
            _celeba_file(
                "list_eval_partition.txt",
                "labels",
                2_836_386,
                "d32c9cbf5e040fd4025c592c306e6668",
                "0B7EVK8r0v71pY0NSMzRuSXJEVkk",
                "0-i4TGCi_51OtQ5K9FSp4EDg",
            ),
        ),
        form="celeba",
        labels=(0, 1),
        counts=(182_637, 19_962),  # 19,867 of the former are for validation
    ),
)

FILE_SETS: dict[str, FileSet] = {each.name: each for each in _ALL}
