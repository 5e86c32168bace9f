// The units of statistics_table.sv in one Verilated model. Each row has a clock and handshakes of its
// own and shares the inputs. A result is a magnitude, and above it the scale exponent of an amax unit.
module statistics_bank #(
    parameter int FirstRow = 0,
    parameter int Stride   = 1,  // of the table's rows, one of Stride
    parameter int Rows     = (statistics_table::RowCount - FirstRow + Stride - 1) / Stride
) (
    input  logic [ Rows-1:0] clk_i,
    input  logic             rst_ni,
    input  logic [     15:0] target_i,
    input  logic             valid_i,
    output logic             ready_o[Rows],
    input  logic [8*32-1:0]  data_i,
    input  logic [      7:0] mask_i,
    input  logic             last_i,
    output logic             valid_o[Rows],
    input  logic             ready_i,
    output logic [     63:0] result_o[Rows],

    // The table, for the program to read back.
    output logic [31:0] row_count_o,
    input  logic [31:0] row_i,
    output logic [63:0] row_o
);

  assign row_count_o = 32'(Rows);
  assign row_o       = 64'(statistics_table::row(FirstRow + Stride * int'(row_i)));

  for (genvar r = 0; r < Rows; r++) begin : gen_rows
    localparam logic [47:0] Row = statistics_table::row(FirstRow + Stride * r);
    localparam int unsigned Lanes = 32'(Row[39:32]);
    logic [30:0] magnitude;
    logic signed [7:0] scale_exponent;
    assign result_o[r] = {24'b0, scale_exponent, 1'b0, magnitude};

    if (Row[47:40] == statistics_table::Amax) begin : gen_amax
      amax_unit #(
          .Lanes       (Lanes),
          .ExponentBits(32'(Row[31:28])),
          .MantissaBits(32'(Row[27:24])),
          .Bias        (32'(Row[23:16])),
          .NonFinite   (32'(Row[10:8]))
      ) u_unit (
          .clk_i           (clk_i[r]),
          .rst_ni,
          .valid_i,
          .ready_o         (ready_o[r]),
          .data_i          (data_i[32*Lanes-1:0]),
          .mask_i          (mask_i[Lanes-1:0]),
          .last_i,
          .valid_o         (valid_o[r]),
          .ready_i,
          .amax_o          (magnitude),
          .scale_exponent_o(scale_exponent)
      );
    end else if (Row[47:40] == statistics_table::Histogram) begin : gen_histogram
      assign scale_exponent = '0;
      threshold_histogram #(
          .Lanes       (Lanes),
          .FirstField  (32'(Row[31:24])),
          .Binades     (32'(Row[23:16])),
          .MantissaBits(32'(Row[15:8])),
          .CountBits   (32'(Row[7:0]))
      ) u_unit (
          .clk_i  (clk_i[r]),
          .rst_ni,
          .target_i,
          .valid_i,
          .ready_o(ready_o[r]),
          .data_i (data_i[32*Lanes-1:0]),
          .mask_i (mask_i[Lanes-1:0]),
          .last_i,
          .valid_o(valid_o[r]),
          .ready_i,
          .alpha_o(magnitude)
      );
    end else begin : gen_log
      assign scale_exponent = '0;
      threshold_log #(
          .Lanes    (Lanes),
          .CountBits(32'(Row[7:0]))
      ) u_unit (
          .clk_i  (clk_i[r]),
          .rst_ni,
          .target_i,
          .valid_i,
          .ready_o(ready_o[r]),
          .data_i (data_i[32*Lanes-1:0]),
          .mask_i (mask_i[Lanes-1:0]),
          .last_i,
          .valid_o(valid_o[r]),
          .ready_i,
          .alpha_o(magnitude)
      );
    end
  end

endmodule
