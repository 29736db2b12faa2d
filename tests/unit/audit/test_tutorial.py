"""The Dockerfile of the tutorials, audited: a report that a newcomer can act on."""

from __future__ import annotations

from envlock.audit.rules import all_rules
from envlock.formats.readers.registry import read
from envlock.model.reading import FileKind, Reading
from readings import command, findings, image, reading, remedies, told, wish

NAMES = (
    "numpy",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "seaborn",
    "jupyterlab",
    "tensorflow-hub",
    "opencv-python",
    "tqdm",
    "requests",
    "keras-tuner",
    "tensorboard",
)


def tutorial() -> Reading:
    """`FROM …:latest`, twelve `RUN pip install`, and a notebook without a token."""
    rows = [
        row
        for line, name in enumerate(NAMES, 2)
        for row in (wish(name, line=line), command(f"pip install {name}", line=line))
    ]
    notebook = "jupyter notebook --ip=0.0.0.0 --allow-root --NotebookApp.token=''"
    return reading(
        image("tensorflow/tensorflow", "latest"),
        *rows,
        command("8888", "EXPOSE", line=14),
        command(notebook, "CMD", line=15),
        kind=FileKind.DOCKERFILE,
    )


TEXT = (
    "FROM tensorflow/tensorflow:latest\n"
    + "".join(f"RUN pip install {name}\n" for name in NAMES)
    + "EXPOSE 8888\n"
    "CMD jupyter notebook --ip=0.0.0.0 --allow-root --NotebookApp.token=''\n"
)


def test_the_dockerfile_itself_gives_the_same_report_as_the_rows():
    found = read(TEXT.encode(), "Dockerfile")

    assert told(all_rules(), found) == told(all_rules(), tutorial())
    assert remedies(all_rules(), found) == remedies(all_rules(), tutorial())


def test_the_report_is_three_findings_in_the_order_of_the_file():
    assert told(all_rules(), tutorial()) == [
        "error at 1 (tensorflow/tensorflow): `tensorflow/tensorflow:latest` is whatever was "
        "pushed last under that name. What is in it changes with it: Python, CUDA, the system's "
        "libraries.",
        "warning at 2: 12 packages have no exact version, so pip takes whatever is newest on the "
        "day: `numpy`, `pandas`, `matplotlib`, `scikit-learn`, `seaborn`, `jupyterlab`, "
        "`tensorflow-hub`, `opencv-python`, `tqdm`, `requests`, `keras-tuner` and `tensorboard`.",
        "error at 15 (CMD): `NotebookApp.token=''` switches the token off: whoever reaches the "
        "service on port 8888 from any address runs commands as root in it, and on its GPUs.",
    ]


def test_each_finding_says_what_to_do():
    assert remedies(all_rules(), tutorial()) == [
        "choose a tag with a whole version, ask for its digest with `docker buildx imagetools "
        "inspect tensorflow/tensorflow:TAG`, and write `FROM "
        "tensorflow/tensorflow:TAG@sha256:…`.",
        "`envlock import Dockerfile` drafts a stack from these lines and `envlock solve` locks "
        "it; then install from the lock. For one package: `pip install NAME==VERSION`, with the "
        "version that `pip list` shows in an image that works.",
        "leave the option out: Jupyter then prints a fresh token when it starts; to choose one, "
        "give it when the container starts (`docker run -e JUPYTER_TOKEN=… -p "
        "127.0.0.1:8888:8888`).",
    ]


def test_all_twelve_packages_can_be_read_from_the_finding():
    (found,) = (item for item in findings(all_rules(), tutorial()) if item.code == "EL201")

    assert found.subjects == NAMES


def test_a_dockerfile_that_was_done_well_has_no_finding():
    good = reading(
        image("tensorflow/tensorflow", "2.17.0-gpu", digest="0" * 64),
        command("requirements.lock /opt/", "COPY", line=2),
        command("pip install --no-deps --require-hashes -r /opt/requirements.lock", line=3),
        command("8888", "EXPOSE", line=4),
        command("jupyter notebook --ip=0.0.0.0", "CMD", line=5),
        kind=FileKind.DOCKERFILE,
    )

    assert told(all_rules(), good) == []
