"""Sound training scripts in the styles of tutorials and notebooks, by the name of their file in training_scripts/."""

from pathlib import Path

FOLDER = Path(__file__).with_name("training_scripts")
SOUND = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.txt"))}
