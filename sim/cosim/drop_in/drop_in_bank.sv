// The modules of drop_in_table.sv in one Verilated model: three groups, each with pins of its own, so
// that a pruner, a quantizer and a compactor can be clocked in the same cycle and seen in one waveform.
// In a group each row has its own clock and shares the inputs. Codes are widened to the 32 bits a lane
// that values have; the compactor's bits too.
module drop_in_bank
  import drop_in_table::*;
(
    input  logic [ PrunerCount-1:0] pruner_clk_i,
    input  logic                    pruner_rst_ni,
    input  logic [32*MaxLanes-1:0]  pruner_seed_i,
    input  logic [            30:0] pruner_alpha_i,
    input  logic                    pruner_valid_i,
    output logic                    pruner_ready_o [PrunerCount],
    input  logic [32*MaxLanes-1:0]  pruner_data_i,
    input  logic [   MaxLanes-1:0]  pruner_mask_i,
    input  logic                    pruner_last_i,
    output logic                    pruner_valid_o [PrunerCount],
    input  logic                    pruner_ready_i,
    output logic [32*MaxLanes-1:0]  pruner_data_o  [PrunerCount],
    output logic [   MaxLanes-1:0]  pruner_mask_o  [PrunerCount],
    output logic                    pruner_last_o  [PrunerCount],

    input  logic [QuantizerCount-1:0] quantizer_clk_i,
    input  logic                      quantizer_rst_ni,
    input  logic [ 32*MaxLanes-1:0]   quantizer_seed_i,
    input  logic signed [       7:0]  quantizer_scale_exponent_i,
    input  logic                      quantizer_valid_i,
    output logic                      quantizer_ready_o [QuantizerCount],
    input  logic [ 32*MaxLanes-1:0]   quantizer_data_i,
    input  logic [    MaxLanes-1:0]   quantizer_mask_i,
    input  logic                      quantizer_last_i,
    output logic                      quantizer_valid_o [QuantizerCount],
    input  logic                      quantizer_ready_i,
    output logic [ 32*MaxLanes-1:0]   quantizer_data_o  [QuantizerCount],
    output logic [    MaxLanes-1:0]   quantizer_mask_o  [QuantizerCount],
    output logic                      quantizer_last_o  [QuantizerCount],

    input  logic [CompactorCount-1:0] compactor_clk_i,
    input  logic                      compactor_rst_ni,
    input  logic                      compactor_valid_i,
    output logic                      compactor_ready_o        [CompactorCount],
    input  logic [ 32*MaxLanes-1:0]   compactor_data_i,
    input  logic [    MaxLanes-1:0]   compactor_mask_i,
    input  logic                      compactor_last_i,
    output logic                      compactor_bitmap_valid_o [CompactorCount],
    input  logic                      compactor_bitmap_ready_i,
    output logic [    MaxLanes-1:0]   compactor_bitmap_o       [CompactorCount],
    output logic [    MaxLanes-1:0]   compactor_bitmap_mask_o  [CompactorCount],
    output logic                      compactor_bitmap_last_o  [CompactorCount],
    output logic                      compactor_codes_valid_o  [CompactorCount],
    input  logic                      compactor_codes_ready_i,
    output logic [ 32*MaxLanes-1:0]   compactor_codes_o        [CompactorCount],
    output logic [    MaxLanes-1:0]   compactor_codes_mask_o   [CompactorCount],
    output logic                      compactor_codes_last_o   [CompactorCount],

    // The tables, for the program to read back.
    output logic [31:0] pruner_count_o,
    output logic [31:0] quantizer_count_o,
    output logic [31:0] compactor_count_o,
    input  logic [31:0] row_i,
    output logic [15:0] pruner_row_o,
    output logic [63:0] quantizer_row_o,
    output logic [15:0] compactor_row_o
);

  assign pruner_count_o    = 32'(PrunerCount);
  assign quantizer_count_o = 32'(QuantizerCount);
  assign compactor_count_o = 32'(CompactorCount);
  assign pruner_row_o      = pruner_row(int'(row_i));
  assign quantizer_row_o   = 64'(quantizer_row(int'(row_i)));
  assign compactor_row_o   = compactor_row(int'(row_i));

  for (genvar r = 0; r < PrunerCount; r++) begin : gen_pruners
    localparam logic [PrunerBits-1:0] Row = pruner_row(r);
    localparam int unsigned Lanes = 32'(Row[15:8]);
    logic [32*Lanes-1:0] data;
    logic [Lanes-1:0] mask;
    assign pruner_data_o[r] = (32 * MaxLanes)'(data);
    assign pruner_mask_o[r] = MaxLanes'(mask);
    pruner #(
        .Lanes     (Lanes),
        .RandomBits(32'(Row[7:0]))
    ) u_pruner (
        .clk_i  (pruner_clk_i[r]),
        .rst_ni (pruner_rst_ni),
        .seed_i (pruner_seed_i[32*Lanes-1:0]),
        .alpha_i(pruner_alpha_i),
        .valid_i(pruner_valid_i),
        .ready_o(pruner_ready_o[r]),
        .data_i (pruner_data_i[32*Lanes-1:0]),
        .mask_i (pruner_mask_i[Lanes-1:0]),
        .last_i (pruner_last_i),
        .valid_o(pruner_valid_o[r]),
        .ready_i(pruner_ready_i),
        .data_o (data),
        .mask_o (mask),
        .last_o (pruner_last_o[r])
    );
  end

  for (genvar r = 0; r < QuantizerCount; r++) begin : gen_quantizers
    localparam logic [QuantizerBits-1:0] Row = quantizer_row(r);
    localparam int unsigned Lanes = 32'(Row[39:32]);
    localparam int unsigned CodeBits = 32'(Row[31:28]) + 32'(Row[27:24]) + 1;
    logic [CodeBits*Lanes-1:0] data;
    logic [Lanes-1:0] mask;
    assign quantizer_mask_o[r] = MaxLanes'(mask);
    quantizer #(
        .Lanes       (Lanes),
        .ExponentBits(32'(Row[31:28])),
        .MantissaBits(32'(Row[27:24])),
        .Bias        (32'(Row[23:16])),
        .NonFinite   (32'(Row[10:8])),
        .Saturate    (Row[43:40] == ToLargest),
        .Rounding    (32'(Row[15:12])),
        .RandomBits  (32'(Row[7:0])),
        .Scaled      (Row[11])
    ) u_quantizer (
        .clk_i           (quantizer_clk_i[r]),
        .rst_ni          (quantizer_rst_ni),
        .seed_i          (quantizer_seed_i[32*Lanes-1:0]),
        .scale_exponent_i(quantizer_scale_exponent_i),
        .valid_i         (quantizer_valid_i),
        .ready_o         (quantizer_ready_o[r]),
        .data_i          (quantizer_data_i[32*Lanes-1:0]),
        .mask_i          (quantizer_mask_i[Lanes-1:0]),
        .last_i          (quantizer_last_i),
        .valid_o         (quantizer_valid_o[r]),
        .ready_i         (quantizer_ready_i),
        .data_o          (data),
        .mask_o          (mask),
        .last_o          (quantizer_last_o[r])
    );
    for (genvar i = 0; i < MaxLanes; i++) begin : gen_widen
      if (i < Lanes) begin : gen_lane
        assign quantizer_data_o[r][32*i+:32] = 32'(data[CodeBits*i+:CodeBits]);
      end else begin : gen_none
        assign quantizer_data_o[r][32*i+:32] = '0;
      end
    end
  end

  for (genvar r = 0; r < CompactorCount; r++) begin : gen_compactors
    localparam logic [CompactorBits-1:0] Row = compactor_row(r);
    localparam int unsigned Lanes = 32'(Row[15:8]);
    localparam int unsigned CodeBits = 32'(Row[7:1]);
    logic [CodeBits*Lanes-1:0] data, codes;
    logic [Lanes-1:0] bitmap, bitmap_mask, codes_mask;
    assign compactor_bitmap_o[r]      = MaxLanes'(bitmap);
    assign compactor_bitmap_mask_o[r] = MaxLanes'(bitmap_mask);
    assign compactor_codes_mask_o[r]  = MaxLanes'(codes_mask);
    for (genvar i = 0; i < MaxLanes; i++) begin : gen_widen
      if (i < Lanes) begin : gen_lane
        assign data[CodeBits*i+:CodeBits]       = compactor_data_i[32*i+:CodeBits];
        assign compactor_codes_o[r][32*i+:32] = 32'(codes[CodeBits*i+:CodeBits]);
      end else begin : gen_none
        assign compactor_codes_o[r][32*i+:32] = '0;
      end
    end
    compactor #(
        .Lanes       (Lanes),
        .CodeBits    (CodeBits),
        .NegativeZero(Row[0])
    ) u_compactor (
        .clk_i         (compactor_clk_i[r]),
        .rst_ni        (compactor_rst_ni),
        .valid_i       (compactor_valid_i),
        .ready_o       (compactor_ready_o[r]),
        .data_i        (data),
        .mask_i        (compactor_mask_i[Lanes-1:0]),
        .last_i        (compactor_last_i),
        .bitmap_valid_o(compactor_bitmap_valid_o[r]),
        .bitmap_ready_i(compactor_bitmap_ready_i),
        .bitmap_o      (bitmap),
        .bitmap_mask_o (bitmap_mask),
        .bitmap_last_o (compactor_bitmap_last_o[r]),
        .codes_valid_o (compactor_codes_valid_o[r]),
        .codes_ready_i (compactor_codes_ready_i),
        .codes_o       (codes),
        .codes_mask_o  (codes_mask),
        .codes_last_o  (compactor_codes_last_o[r])
    );
  end

endmodule
