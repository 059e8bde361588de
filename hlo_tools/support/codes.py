"""What each diagnostic code means: the text of `hlo explain CODE`. One row per code, in order of number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """A code in a line, and in a paragraph: what was found, why it is refused, what to do."""

    title: str
    text: str


FAMILIES = {
    "1": "reading text",
    "2": "verifying a module",
    "3": "passes and pipelines",
    "4": "code generation and ahead-of-time compilation",
    "5": "running and comparing",
    "6": "files, options and configuration",
    "9": "internal errors",
}
"""By the first digit of a code."""

CODES: dict[str, Explanation] = {
    "HLO1001": Explanation(
        "the input is not text",
        "HLO and StableHLO are read as UTF-8 text, compressed with gzip or zstd or not at all. The file holds zero "
        "bytes or bytes that are not UTF-8. Where the first bytes give away what it is (MLIR bytecode, an object "
        "file, a zip archive), the message says so. Convert it to text first.",
    ),
    "HLO1002": Explanation(
        "not an .npz archive",
        "Arguments are read from an archive as numpy.savez writes it, with arrays arg0, arg1, ... in it. Pickled "
        "objects are refused.",
    ),
    "HLO4001": Explanation(
        "no such backend",
        "A backend is an object that an installed distribution names under the entry-point group "
        "`hlo_tools.backends`. `hlo targets` lists those that are installed and what they compile for.",
    ),
    "HLO4002": Explanation(
        "a backend cannot be loaded",
        "A distribution announces a backend, but importing it failed or what it names is no backend. The message "
        "says which module was missing; reinstall that distribution.",
    ),
    "HLO4003": Explanation(
        "no backend knows this target",
        "The target triple (as LLVM spells it: `x86_64-unknown-linux-gnu`) is covered by none of the installed "
        "backends. `hlo targets` lists the triples that are tested.",
    ),
    "HLO5001": Explanation(
        "the arguments do not fit the module",
        "A module takes one array per leaf of its entry parameters, in order: `arg0`, `arg1`, ... of an .npz file. "
        "Their number, their shapes and their element types have to be those of the parameters. Types that numpy "
        "lacks (bf16, the 8-bit and 4-bit floats) may be stored as unsigned integers of the same width; sub-byte "
        "types take one element per byte.",
    ),
    "HLO5002": Explanation(
        "out of memory",
        "The process could not get the memory that the module or its arrays need. Use a smaller module, or a machine "
        "with more memory.",
    ),
    "HLO6001": Explanation(
        "a file cannot be read",
        "It does not exist, is a folder, or may not be read by this user. `-` stands for standard input.",
    ),
    "HLO6002": Explanation(
        "a file cannot be written",
        "The folder cannot be made, the disk is full, or this user may not write there. No output has been changed: "
        "files are written beside their place first and moved there together when all are complete.",
    ),
    "HLO6003": Explanation(
        "an input file is too large",
        "After decompression the file is larger than HLO_TOOLS_MAX_INPUT_BYTES (2 GiB unless set). The limit keeps "
        "a small compressed file from filling the memory; raise it when the file is what you mean.",
    ),
    "HLO6004": Explanation(
        "a compressed file is broken",
        "The file starts as gzip or zstd does, but its data is damaged or ends too early. Fetch or pack it again.",
    ),
    "HLO6005": Explanation(
        "an environment variable has an unusable value",
        "`hlo env` lists every variable that is read, with its meaning and its value now.",
    ),
    "HLO6006": Explanation(
        "the command line cannot be used",
        "An option is unknown, lacks its value or has one of the wrong kind, or an argument is missing. "
        "`hlo COMMAND --help` shows what there is. Flags that start with `--xla_` are XLA's; of those the unknown "
        "ones are ignored with a warning.",
    ),
    "HLO6007": Explanation(
        "an XLA flag is not known here",
        "Flags that start with `xla_`, from the command line or from XLA_FLAGS, are honoured where hlo-tools has the "
        "thing they control. The others are ignored with this warning, since XLA's set of flags changes often.",
    ),
    "HLO6008": Explanation(
        "a response file cannot be used",
        "`@FILE` on the command line stands for the words in FILE, quoted as in a shell. The file is missing, a "
        "quote in it is not closed, or response files include each other without end.",
    ),
    "HLO6009": Explanation(
        "no such diagnostic code",
        "Codes are `HLO` and four digits. `hlo explain` without a code lists all of them.",
    ),
    "HLO6010": Explanation(
        "no such opcode",
        "HLO has about 130 opcodes; `hlo ops` lists them and `hlo ops OPCODE` describes one.",
    ),
    "HLO9001": Explanation(
        "an internal error",
        "This is a defect of hlo-tools, never of the input. The message names a file with the evidence: the command "
        "line, versions and the Python traceback. Please report it with that file; HLO_TOOLS_DEBUG=1 shows the "
        "traceback on the terminal.",
    ),
}
