"""Set this clone up: `python3 scripts/setup.py runtime|ape|all|bench`. Standard library only; see scripts/setup_steps.

This file must parse under Pythons too old to go on, so that they say so in one line: keep to the grammar of 3.6.
"""

import sys

from setup_steps import interpreter


def main(arguments: "list[str]") -> int:
    refusal = interpreter.refusal(sys.version_info[:2])
    if refusal:
        sys.stderr.write(refusal + "\n")
        return 2
    from setup_steps import plan  # noqa: PLC0415 - does not parse under the Pythons refused above

    return plan.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
