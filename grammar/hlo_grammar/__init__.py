"""The grammars of HLO, StableHLO and pipeline text: data that editors and other tools may use too."""
