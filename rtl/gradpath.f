// Every file of rtl/, packages first; written by scripts/datasheets in the order of blocks.json.
// Paths are relative to this file: verilator -F rtl/gradpath.f. Tools that take them from where they run: from
// this folder.
gradpath_pkg.sv
lfsr.sv
stream_buffer.sv
stream_stage.sv
lane_words.sv
quantizer_lane.sv
pruner_lane.sv
quantizer.sv
pruner.sv
compactor.sv
decompactor.sv
amax_unit.sv
histogram_bank.sv
threshold_histogram.sv
threshold_log.sv
front_end.sv
multiplier.sv
log2_table.sv
exp2_table.sv
threshold_table.sv
