// Names for what parameters of the modules count, in the place of numbers. They are those of models'
// NonFinite and Rounding::Mode; quantizer_lane.sv says what they mean.
package gradpath_pkg;
  // verilator lint_off UNUSEDPARAM
  // No module uses all of them.

  // Codes that are not finite: IEEE 754's infinity and NaNs; a NaN at all ones alone; none; a NaN in
  // the place of the negative zero.
  localparam int unsigned Ieee = 0;
  localparam int unsigned Fn = 1;
  localparam int unsigned Finite = 2;
  localparam int unsigned Fnuz = 3;
  // Roundings.
  localparam int unsigned Rne = 0;
  localparam int unsigned Rna = 1;
  localparam int unsigned Rtz = 2;
  localparam int unsigned Rup = 3;
  localparam int unsigned Rdn = 4;
  localparam int unsigned Rto = 5;
  localparam int unsigned Sr = 6;
  localparam int unsigned Sru = 7;
  // verilator lint_on UNUSEDPARAM
endpackage
