"""The subcommands of `hlo`: one file each, imported when it is asked for.

The file name is the command's name (`_` for `-`). A file defines

    PANEL     the heading under which `hlo --help` lists it
    EXAMPLES  pairs of a command line and what it does, for the manual page
    command   a function whose parameters are the arguments and options, whose docstring is the help text, and whose
              result is the exit code (None: 0)
"""
