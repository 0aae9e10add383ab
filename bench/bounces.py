"""How well returned mail is read: a table of what real bounces are and what they are taken for.

python -m bench.bounces
"""

from delivery.returns import ReturnClass
from tests.delivery.returns import corpus


def main() -> None:
    """Print a line for each class that mails are, a column for each that was found, and the two shares."""
    table = corpus.confusion(corpus.samples())
    kinds = list(ReturnClass)
    print("".join(f"{name:>14}" for name in ("is", *(kind.value for kind in kinds))))
    for meant in kinds:
        print("".join(f"{cell:>14}" for cell in (meant.value, *(table[meant, found] for found in kinds))))
    for name, value in corpus.share(table).items():
        print(f"{name}: {value:.1%}")


if __name__ == "__main__":
    main()
