"""Floor 7: from HLO to kernels, the loop-level form that CPU and GPU backends share. No LLVM in sight."""
