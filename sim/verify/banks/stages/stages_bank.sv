// The streaming modules of stages_table.sv in one Verilated model. Each row has a clock
// and handshakes of its own and shares the input data. Codes are widened to the 32 bits a lane that
// values have, so that all rows have one beat format.
module stages_bank #(
    parameter int FirstRow = 0,
    parameter int Stride   = 1,  // of the table's rows, one of Stride
    parameter int Rows     = (stages_table::RowCount - FirstRow + Stride - 1) / Stride
) (
    input  logic [                        Rows-1:0] clk_i,
    input  logic                                      rst_ni,
    input  logic [   32*stages_table::MaxLanes-1:0]   seed_i,
    input  logic [                              30:0] alpha_i,
    input  logic signed [                        7:0] scale_exponent_i,
    input  logic                                      valid_i,
    output logic                                      ready_o [Rows],
    input  logic [   32*stages_table::MaxLanes-1:0]   data_i,
    input  logic [      stages_table::MaxLanes-1:0]   mask_i,
    input  logic                                      last_i,
    output logic                                      valid_o [Rows],
    input  logic                                      ready_i,
    output logic [   32*stages_table::MaxLanes-1:0]   data_o  [Rows],
    output logic [      stages_table::MaxLanes-1:0]   mask_o  [Rows],
    output logic                                      last_o  [Rows],

    // The table, for the program to read back.
    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [63:0] row_o
);

  assign row_count_o = 32'(Rows);
  assign row_o       = 64'(stages_table::row(FirstRow + Stride * int'(row_i)));

  for (genvar r = 0; r < Rows; r++) begin : gen_rows
    localparam logic [47:0] Row = stages_table::row(FirstRow + Stride * r);
    localparam int unsigned Lanes = 32'(Row[39:32]);
    localparam int unsigned ExponentBits = 32'(Row[31:28]);
    localparam int unsigned MantissaBits = 32'(Row[27:24]);

    logic [Lanes-1:0] mask;
    assign mask_o[r] = stages_table::MaxLanes'(mask);

    if (Row[47:44] == stages_table::Pruner) begin : gen_pruner
      logic [32*Lanes-1:0] data;
      pruner #(
          .Lanes     (Lanes),
          .RandomBits(32'(Row[7:0]))
      ) u_pruner (
          .clk_i  (clk_i[r]),
          .rst_ni,
          .seed_i (seed_i[32*Lanes-1:0]),
          .alpha_i,
          .valid_i,
          .ready_o(ready_o[r]),
          .data_i (data_i[32*Lanes-1:0]),
          .mask_i (mask_i[Lanes-1:0]),
          .last_i,
          .valid_o(valid_o[r]),
          .ready_i,
          .data_o (data),
          .mask_o (mask),
          .last_o (last_o[r])
      );
      assign data_o[r] = (32 * stages_table::MaxLanes)'(data);
    end else begin : gen_quantizer
      localparam int unsigned CodeBits = ExponentBits + MantissaBits + 1;
      logic [CodeBits*Lanes-1:0] data;
      quantizer #(
          .Lanes       (Lanes),
          .ExponentBits(ExponentBits),
          .MantissaBits(MantissaBits),
          .Bias        (32'(Row[23:16])),
          .NonFinite   (32'(Row[10:8])),
          .Saturate    (Row[43:40] == stages_table::ToLargest),
          .Rounding    (32'(Row[15:12])),
          .RandomBits  (32'(Row[7:0])),
          .Scaled      (Row[11])
      ) u_quantizer (
          .clk_i  (clk_i[r]),
          .rst_ni,
          .seed_i (seed_i[32*Lanes-1:0]),
          .scale_exponent_i,
          .valid_i,
          .ready_o(ready_o[r]),
          .data_i (data_i[32*Lanes-1:0]),
          .mask_i (mask_i[Lanes-1:0]),
          .last_i,
          .valid_o(valid_o[r]),
          .ready_i,
          .data_o (data),
          .mask_o (mask),
          .last_o (last_o[r])
      );
      for (genvar i = 0; i < stages_table::MaxLanes; i++) begin : gen_widen
        if (i < Lanes) begin : gen_lane
          assign data_o[r][32*i+:32] = 32'(data[CodeBits*i+:CodeBits]);
        end else begin : gen_none
          assign data_o[r][32*i+:32] = '0;
        end
      end
    end
  end

endmodule
