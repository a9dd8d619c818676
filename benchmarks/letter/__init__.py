"""What the letter of the 2021 recipe costs (docs/the-letter.md): its oddities measured and drawn; nothing is trained.

python -m benchmarks.letter --corpus DIR --out docs/figures
"""
