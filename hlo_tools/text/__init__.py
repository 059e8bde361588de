"""HLO text: characters to graph and back. Importing it gives modules their text form."""

from hlo_tools.ir.module import Module
from hlo_tools.text.printer import to_text

Module.printer = staticmethod(to_text)
